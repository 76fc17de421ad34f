"""The comparison of tracked runs from the command line's parameters to its files."""

import mlflow
import numpy as np
import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro_mlflow.framework.hooks.mlflow_hook import mlflow_hook

from sen2naip_sr.datasets import TrackedRunsDataset

# what libraries say while they are imported
pytestmark = pytest.mark.filterwarnings("ignore")

TAGS = {"data_hash": "d", "recipe": "area@1", "split_hash": "s", "data_source": "directory"}
LEVEL = np.random.default_rng(0).normal(30, 4, 12)


def scores(**methods):
    """Return scores of 12 chips; bands of their own must not count."""
    rows = [
        {"method": name, "chip": chip, "location": chip, "band": band, "psnr": value + extra}
        for name, gain in methods.items()
        for chip, value in enumerate(LEVEL + gain)
        for band, extra in (("all", 0), ("red", 50))
    ]
    table = pd.DataFrame(rows).assign(place="town", rmse=2.0)
    return table.assign(trained=table["method"] != "bicubic")


@pytest.fixture(scope="module")
def tracked(copy_project, tmp_path_factory):
    """A project without data, with two runs that have scores and one that has none."""
    project = copy_project(tmp_path_factory.mktemp("compared") / "project")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{project}/mlflow.db")
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("others", artifact_location=f"{project}/artifacts")
    ids = []
    for name, table in (
        ("evaluate", scores(bicubic=-2.0, carn=0.0)),
        ("wider", scores(lean=0.25)),
        ("train_carn", None),
    ):
        run = client.create_run(experiment, tags=TAGS, run_name=name)
        ids.append(run.info.run_id)
        if table is not None:
            path = project / "scores.parquet"
            table.to_parquet(path)
            client.log_artifact(run.info.run_id, str(path), "scores")
        client.set_terminated(run.info.run_id)
    yield project, ids
    mlflow.set_tracking_uri(before)


@pytest.fixture
def compare(tracked, monkeypatch):
    def run(**parameters):
        project, _ = tracked
        monkeypatch.chdir(project)
        bootstrap_project(project)
        # kedro-mlflow has one hook a process, which keeps the run of an earlier session
        monkeypatch.setattr(mlflow_hook, "run_id", None)
        options = {"env": "test", "runtime_params": parameters}
        with KedroSession.create(project_path=project, **options) as session:
            session.run(pipeline_names=["compare"])
        return project / "data/08_reporting"

    return run


def test_two_runs_are_compared_and_the_findings_are_printed_and_tracked(tracked, compare, capsys):
    _, ids = tracked
    folder = compare(runs=f"[{ids[0][:12]};wider]")
    (row,) = pd.read_csv(folder / "run_comparison.csv").to_dict("records")
    assert (row["a"], row["b"], row["chips"]) == ("evaluate/carn", "wider/lean", 12)
    assert row["verdict"] == "wider/lean is better by 0.25 dB [0.25, 0.25]"
    printed = capsys.readouterr().out
    assert row["verdict"] in printed
    assert "its only trained method" in printed
    assert "data/08_reporting/run_comparison.png" in printed
    assert (folder / "run_comparison.txt").read_text().splitlines()[0] in printed
    client = mlflow.MlflowClient()
    (experiment,) = client.search_experiments(filter_string="name = 'sen2naip_sr/comparison'")
    (latest, *_) = client.search_runs([experiment.experiment_id])
    kept = [item.path for item in client.list_artifacts(latest.info.run_id, "comparison")]
    for name in ("run_comparison.csv", "run_comparison.txt", "compared_runs.csv"):
        assert f"comparison/{name}" in kept
    assert latest.data.params["runs"] == str([ids[0][:12], "wider"])
    assert latest.info.run_name == "compare evaluate/carn against wider/lean (test)"
    assert latest.info.run_id in printed


def test_a_run_without_scores_is_refused(compare):
    with pytest.raises(Exception, match=r"train_carn .* has no scores"):
        compare(runs=["wider", "train_carn"])


def test_without_runs_it_says_how_to_name_them_and_leaves_no_run(compare):
    before = tracked_comparisons()
    with pytest.raises(Exception, match="no runs are given"):
        compare()
    assert tracked_comparisons() == before
    assert mlflow.active_run() is None


def tracked_comparisons():
    found = mlflow.search_experiments(filter_string="name = 'sen2naip_sr/comparison'")
    return [run.info.run_id for one in found for run in runs_of(one)]


def runs_of(experiment):
    return mlflow.MlflowClient().search_runs([experiment.experiment_id])


def test_scores_are_read_once_a_run(tracked, monkeypatch):
    project, ids = tracked
    mlflow.set_tracking_uri(f"sqlite:///{project}/mlflow.db")
    found = TrackedRunsDataset(artifact="scores/scores.parquet").load()
    runs = {run.run_id: run for run in found.runs}
    assert {runs[one].name for one in ids} == {"evaluate", "wider", "train_carn"}
    assert runs[ids[0]].finished
    assert runs[ids[0]].tags["recipe"] == "area@1"
    assert found.read_scores(runs[ids[0]]) is found.read_scores(runs[ids[0]])
    assert found.read_scores(runs[ids[2]]) is None
