"""Runs that meet what the user can fix: said in one message, and nothing usable is lost."""

import errno
import os
import shutil
from pathlib import Path

import click
import mlflow
import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro_mlflow.framework.hooks.mlflow_hook import mlflow_hook

from sen2naip_sr.chips.shards import ShardWriter

# what libraries say while they are imported
pytestmark = pytest.mark.filterwarnings("ignore")

WITHOUT_NETWORK = {
    *("nearest", "bilinear", "bicubic", "bicubic_pil", "lanczos"),
    *("projected", "linear"),
}
HR = "data/02_intermediate/hr"


@pytest.fixture
def project(finished_project, tmp_path):
    """A finished project that a test may break."""
    return shutil.copytree(finished_project, tmp_path / "project")


@pytest.fixture
def run(monkeypatch):
    """Run a pipeline of a project in this process."""

    def run(project, pipeline, **parameters):
        monkeypatch.chdir(project)
        bootstrap_project(project)
        # kedro-mlflow has one hook a process, which keeps the run of an earlier session
        monkeypatch.setattr(mlflow_hook, "run_id", None)
        options = {"env": "test", "runtime_params": parameters}
        with KedroSession.create(project_path=project, **options) as session:
            session.run(pipeline_names=[pipeline])

    return run


def compared(project):
    return set(pd.read_csv(project / "data/08_reporting/comparison.csv")["method"])


def test_evaluate_without_any_weights_compares_what_needs_none(project, run):
    shutil.rmtree(project / "data/06_models")
    (project / "data/08_reporting/comparison.png").unlink()
    run(project, "evaluate")
    assert compared(project) == WITHOUT_NETWORK
    assert (project / "data/08_reporting/comparison.png").is_file()
    examples = {path.stem for path in (project / "data/07_model_output/examples").iterdir()}
    assert {"lr", "truth"} < examples < {"lr", "truth"} | WITHOUT_NETWORK


def test_evaluate_leaves_out_damaged_weights_and_says_so(project, run, caplog):
    path = project / "data/06_models/lean/weights.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    run(project, "evaluate")
    assert compared(project) == WITHOUT_NETWORK
    (warning,) = (
        record.message
        for record in caplog.records
        if record.name.startswith("sen2naip_sr") and record.levelname == "WARNING"
    )
    assert f"{path} is damaged" in warning
    assert "What to do:" in warning


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "folder that is writable")],
)
def test_a_disk_that_takes_no_more_keeps_the_old_store(project, run, monkeypatch, number, remedy):
    def fail(*_):
        raise OSError(number, os.strerror(number), str(project / HR / "chips_00000.npy"))

    monkeypatch.setattr(ShardWriter, "append", fail)
    before = {path.name: path.read_bytes() for path in (project / HR).iterdir()}
    with pytest.raises(click.ClickException) as caught:
        run(project, "train_lean", ingestion={"sample": {"chips_per_place": 3}})
    assert os.strerror(number) in caught.value.message
    assert "chips_00000.npy" in caught.value.message
    assert remedy in caught.value.message
    assert {path.name: path.read_bytes() for path in (project / HR).iterdir()} == before
    assert [path.name for path in (project / HR).parent.iterdir() if path.name != ".gitkeep"] == [
        "hr"
    ]
    assert mlflow.active_run() is None
    client = mlflow.MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiment = client.get_experiment_by_name("sen2naip_sr/training").experiment_id
    assert client.search_runs([experiment])[0].info.status == "FAILED"


def test_folders_that_cannot_be_used_are_named(project, run, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder, said in (
        (empty, "neither the folder nor its subfolders"),
        (tmp_path / "none", "no such folder"),
    ):
        with pytest.raises(click.ClickException) as caught:
            run(project, "ingest", ingestion={"source": "directory", "path": str(folder)})
        assert f"{folder}: {said}" in caught.value.message
        assert "What to do:" in caught.value.message
        assert "(ingestion.path)" in caught.value.message


def test_a_genuine_fault_is_not_dressed_up(project, run, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(ShardWriter, "append", fail)
    with pytest.raises(Exception, match="a fault of ours") as caught:
        run(project, "ingest", ingestion={"sample": {"chips_per_place": 3}})
    assert not isinstance(caught.value, click.ClickException)


def test_interrupted_ingestion_leaves_nothing_that_the_next_run_trusts(project, run, monkeypatch):
    append = ShardWriter.append
    calls = []

    def stop(self, chip):
        calls.append(chip)
        if len(calls) == 4:
            raise KeyboardInterrupt
        append(self, chip)

    more = {"sample": {"chips_per_place": 3}}
    monkeypatch.setattr(ShardWriter, "append", stop)
    with pytest.raises(KeyboardInterrupt):
        run(project, "ingest", ingestion=more)
    monkeypatch.setattr(ShardWriter, "append", append)
    run(project, "ingest", ingestion=more)
    assert len(pd.read_parquet(Path(project, HR, "index.parquet"))) == 15


def test_a_tracker_that_fails_in_the_middle_costs_no_training(project, run, monkeypatch, caplog):
    weights = project / "data/06_models/lean/weights.safetensors"
    before = weights.read_bytes()
    weights.unlink()
    log_batch = mlflow.MlflowClient.log_batch

    def damage(*arguments, **options):
        if options.get("metrics"):  # the first curve of the training
            database = project / "mlflow.db"
            database.write_bytes(bytes(database.stat().st_size))
        return log_batch(*arguments, **options)

    monkeypatch.setattr(mlflow.MlflowClient, "log_batch", damage)
    run(project, "train_lean")
    assert weights.read_bytes() == before
    assert "MLflow recorded this run in part only" in caplog.text
    assert "Traceback" not in caplog.text
    monkeypatch.undo()
    with pytest.raises(click.ClickException, match="is damaged"):
        run(project, "train_lean")
