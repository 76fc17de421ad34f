"""Commands of `kedro` as they are typed, in this process: refused without a traceback."""

import os
import sys

import pytest
from click.testing import CliRunner
from kedro.framework.cli import cli as kedro_cli

from sen2naip_sr.cli import commands

# what libraries say while they are imported
pytestmark = pytest.mark.filterwarnings("ignore")

REFUSED = [
    ("run --env=nap", "did you mean 'naip'?"),
    ("run --tags=nosuch", "unknown tag 'nosuch'"),
    ("run --tags=evaluaton", "did you mean 'evaluation'?"),
    ("run --nodes=downscal", "did you mean 'preprocessing.downscale'?"),
    ("run -n downscale", "did you mean 'preprocessing.downscale'?"),
    ("run --from-nodes=compare", "did you mean 'evaluation.compare'?"),
    ("run --to-nodes=evaluation.comparre", "did you mean 'evaluation.compare'?"),
    ("run --from-inputs=splts", "did you mean 'splits'?"),
    ("run --to-outputs=scors", "did you mean 'scores'?"),
    ("run --namespaces=trainig", "did you mean 'training'?"),
    ("run --pipelines=ingset", "did you mean 'ingest'?"),
    ("run --pipelines=ingest,evalute", "did you mean 'evaluate'?"),
    ("run --pipeline=ingset", "did you mean 'ingest'?"),
    ("run --runner=ThredRunner", "did you mean 'ThreadRunner'?"),
    ("run --runner=ParallelRunner", "share networks in memory"),
    ("run --runner-params=max=3", "does not take these parameters"),
    ("run --load-versions=hr:1", "no dataset is kept in versions"),
    ("run --params ingestion.sauce=3", "unknown parameter 'sauce'"),
    ("run --nodes=training.train_carn", "but in: train_carn"),
    ("run --from-nodes=evaluation.compare --env=test", "let these run too"),
    ("run --tags=evaluation --env=test", "let these run too"),
    ("catalog describe-datasets -p ingset", "did you mean 'ingest'?"),
    ("catalog describe-datasets --env=nap", "did you mean 'naip'?"),
    ("catalog resolve-patterns -p ingest,evalute", "did you mean 'evaluate'?"),
    ("catalog list-patterns --env=nap", "did you mean 'naip'?"),
    ("registry describe ingset", "did you mean 'ingest'?"),
    ("registry lst", "Did you mean"),
    ("ipython --env=nap", "did you mean 'naip'?"),
    ("rnu", "run"),
]
DONE = [
    ("registry list", "- train_carn"),
    ("registry describe ingest", "ingestion.ingest"),
    ("catalog describe-datasets -p ingest", "StoreDataset"),
    ("catalog resolve-patterns -p train_lean", "lean.weights"),
    ("catalog list-patterns", "{model}.weights"),
]


@pytest.fixture(scope="module")
def project(copy_project, tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("typed") / "project")


@pytest.fixture
def ask(project, monkeypatch):
    """Run a command of `kedro` in a subfolder of the project."""
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    monkeypatch.chdir(project / "src")
    # the sources are those that are imported already
    monkeypatch.setattr(sys, "path", list(sys.path))

    def ask(typed):
        return CliRunner().invoke(kedro_cli.KedroCLI(project_path=project), typed.split())

    return ask


@pytest.mark.parametrize(("typed", "said"), REFUSED)
def test_refused_with_one_message(ask, typed, said):
    result = ask(typed)
    assert result.exit_code in {1, 2}, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert said in result.output
    assert "Traceback" not in result.output
    if result.exit_code == 1:
        assert "What to do:" in result.output


def test_what_was_refused_left_no_run(project):
    assert not (project / "mlartifacts").exists()


@pytest.mark.parametrize(("typed", "said"), DONE)
def test_done(ask, typed, said):
    result = ask(typed)
    assert result.exit_code == 0, result.output
    assert said in result.output


def test_ipython_is_the_environment_s_own(ask, monkeypatch):
    called = []
    monkeypatch.setattr(commands, "call", called.append)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    result = ask("ipython --env=test --no-banner")
    assert result.exit_code == 0, result.output
    assert called == [[sys.executable, "-m", "IPython", "--ext", "kedro.ipython", "--no-banner"]]
    assert os.environ["KEDRO_ENV"] == "test"


@pytest.mark.parametrize(("command", "package"), [("lab", "jupyterlab"), ("notebook", "notebook")])
def test_jupyter_says_what_is_missing_or_mistyped(ask, monkeypatch, command, package):
    monkeypatch.setattr(commands, "find_spec", lambda name: None)
    result = ask(f"jupyter {command}")
    assert result.exit_code == 1
    assert f"{package} is not installed" in result.output
    monkeypatch.setattr(commands, "find_spec", lambda name: object())
    result = ask(f"jupyter {command} --env=nap")
    assert result.exit_code == 1
    assert "did you mean 'naip'?" in result.output
