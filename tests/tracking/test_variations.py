"""What MLflow holds of a variation."""

import shutil

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from tiny_inputs import TRAINING

from sen2naip_sr.chips.splits import split_hash
from sen2naip_sr.experiments.running.outcome import Outcome
from sen2naip_sr.experiments.running.variation import Variation
from sen2naip_sr.tracking.flattening import flattened
from sen2naip_sr.tracking.variations import track_variation
from sen2naip_sr.training.parameters import NetworkParameters

ABOVE = {"data_hash": "d", "recipe": "area@1", "data_source": "sample", "git_commit": "c"}
VARIATION = Variation(
    "fold 1",
    "lean",
    NetworkParameters(architecture={"channels": 4}, training=TRAINING),
    pd.DataFrame(
        {"chip": [0, 1], "place": ["a", "b"], "split": ["train", "validation"], "fold": 0}
    ),
    {"fold": "1"},
)
OUTCOME = Outcome(
    name="fold 1",
    model="lean",
    tags={"fold": "1"},
    fingerprint="",
    seconds=2.5,
    steps=2,
    psnr=31.0,
    parameters=7,
    multiply_adds=9,
)


@pytest.fixture
def client(tmp_path, empty_database):
    before = mlflow.get_tracking_uri()
    shutil.copy(empty_database, tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    client = MlflowClient()
    client.create_experiment("made up", f"{tmp_path}/artifacts")
    mlflow.set_experiment("made up")
    yield client
    mlflow.set_tracking_uri(before)


@pytest.fixture
def folder(tmp_path):
    own = tmp_path / "fold 1"
    own.mkdir()
    history = pd.DataFrame({"step": [0, 2], "loss": [None, 0.5], "validation_psnr": [30.0, 31.0]})
    history.to_csv(own / "history.csv", index=False)
    (own / "outcome.json").write_text(OUTCOME.model_dump_json())
    names = ("psnr", "ssim", "ms_ssim", "rmse", "sam", "ergas", "uiqi", "consistency", "spectrum")
    rows = [{"band": "all"} | dict.fromkeys(names, value) for value in (1.0, 3.0)]
    rows.append({"band": "NIR"} | dict.fromkeys(names, 99.0))
    pd.DataFrame(rows).assign(uiqi=float("nan")).to_parquet(own / "scores.parquet")
    return tmp_path


def track(client, folder, outcome):
    with mlflow.start_run() as above:
        mlflow.set_tags(ABOVE)
        track_variation("cross_validate", folder, VARIATION, outcome)
    (run,) = (
        run
        for run in client.search_runs([above.info.experiment_id])
        if run.info.run_id != above.info.run_id
    )
    assert run.data.tags["mlflow.parentRunId"] == above.info.run_id
    return run


def test_a_variation_is_a_run_with_curves_scores_cost_and_what_it_was_made_of(client, folder):
    run = track(client, folder, OUTCOME)
    assert (run.info.run_name, run.info.status) == ("cross_validate: fold 1", "FINISHED")
    own = {"experiment": "cross_validate", "variation": "fold 1", "model": "lean", "fold": "1"}
    expected = own | ABOVE | {"split_hash": split_hash(VARIATION.splits)}
    assert expected.items() <= run.data.tags.items()
    assert run.data.params["architecture.channels"] == "4"
    assert run.data.params["training.schedule.warmup_steps"] == "1"
    curve = client.get_metric_history(run.info.run_id, "train/validation_psnr")
    assert [(point.step, point.value) for point in curve] == [(0, 30.0), (2, 31.0)]
    assert [p.step for p in client.get_metric_history(run.info.run_id, "train/loss")] == [2]
    assert run.data.metrics["held_out/psnr"] == 2.0
    assert "held_out/uiqi" not in run.data.metrics
    assert run.data.metrics["usage/wall_seconds"] == 2.5
    paths = {
        item.path
        for part in ("scores", "history")
        for item in client.list_artifacts(run.info.run_id, part)
    }
    assert paths == {"scores/scores.parquet", "history/history.csv", "history/outcome.json"}


def test_a_variation_that_failed_is_a_failed_run_that_says_why(client, folder):
    run = track(client, folder, OUTCOME.model_copy(update={"error": "out of memory"}))
    assert (run.info.status, run.data.tags["error"]) == ("FAILED", "out of memory")
    assert run.data.params["training.steps"] == "2"


def test_without_a_run_nothing_is_tracked(client, folder):
    track_variation("cross_validate", folder, VARIATION, OUTCOME)
    assert client.search_runs(["0", "1"]) == []


def test_nested_parameters_become_flat_ones():
    nested = {"a": {"b": {"c": 1}, "d": None, "e": {}}, "f": [1]}
    assert flattened(nested) == {"a.b.c": 1, "a.e": {}, "f": [1]}
