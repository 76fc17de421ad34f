"""The interface of trackers: who gets what, and what if one fails."""

import logging

import mlflow
import pytest
from mlflow import MlflowClient
from pydantic import ValidationError

from sen2naip_sr.errors import UserError
from sen2naip_sr.tracking.trackers import Trackers, current, opened, opening
from sen2naip_sr.tracking.trackers.in_mlflow import InMLflow
from sen2naip_sr.tracking.trackers.opening import open_trackers, require_packages
from sen2naip_sr.tracking.trackers.parameters import TrackingParameters

# what libraries say while they are imported
pytestmark = pytest.mark.filterwarnings("ignore")


class Remembering:
    """A tracker that remembers what it got, or fails."""

    def __init__(self, name, error=None):
        self.name, self.error, self.got = name, error, []

    def __getattr__(self, method):
        def record(*arguments, **options):
            if self.error:
                raise self.error
            self.got.append((method, *arguments))

        return record


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["mlflow"], ["mlflow"]),
        ("mlflow;tensorboard", ["mlflow", "tensorboard"]),
        ("[wandb;mlflow]", ["wandb", "mlflow"]),
        (["mlflow", "mlflow"], ["mlflow"]),
        ([], []),
        (None, []),
    ],
)
def test_trackers_are_given_as_a_list_or_a_text(given, expected):
    assert TrackingParameters.model_validate(given).root == expected


def test_an_unknown_tracker_is_refused_with_the_nearest():
    with pytest.raises(ValidationError, match="did you mean 'tensorboard'"):
        TrackingParameters.model_validate("tensorbord")


def test_every_tracker_gets_the_same_under_names_that_all_take():
    trackers = [Remembering("mlflow"), Remembering("tensorboard")]
    Trackers(trackers).scalars({"train/a@b": 1}, 3)
    assert [one.got for one in trackers] == [[("scalars", {"train/a_b": 1.0}, 3)]] * 2


def test_a_tracker_that_fails_is_left_out_and_the_run_continues(caplog):
    ill, well = Remembering("wandb", RuntimeError("no space")), Remembering("tensorboard")
    trackers = Trackers([ill, well])
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            trackers.scalars({"a": 1.0})
    assert len(well.got) == 3
    assert len(trackers) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "wandb cannot record this run, which continues: no space"
    ]


def test_a_wrong_call_of_mlflow_is_no_failure_of_a_tracker():
    with pytest.raises(TypeError):
        Trackers([Remembering("mlflow", TypeError("wrong"))]).scalars({"a": 1.0})


def test_the_active_run_of_mlflow_counts_until_trackers_are_opened(empty_database, tmp_path):
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    try:
        assert len(current()) == 0
        experiment = mlflow.create_experiment("trackers", (tmp_path / "files").as_uri())
        with mlflow.start_run(experiment_id=experiment) as run:
            current().scalars({"train/loss": 0.25}, 7)
            current().parameters({"lean.training.steps": 3})
            (tmp_path / "a.png").write_bytes(b"png")
            current().figure("a", tmp_path / "a.png")
            with opened(Trackers()):
                current().scalars({"train/loss": 9.0}, 8)
        client = MlflowClient()
        (point,) = client.get_metric_history(run.info.run_id, "train/loss")
        assert (point.step, point.value) == (7, 0.25)
        assert client.get_run(run.info.run_id).data.params == {"lean.training.steps": "3"}
        assert client.list_artifacts(run.info.run_id, "figures")[0].path == "figures/a.png"
        assert not InMLflow(run.info.run_id).where()
    finally:
        mlflow.set_tracking_uri(before)


def test_a_tracker_that_is_not_installed_is_named_before_the_run(monkeypatch):
    monkeypatch.setattr(opening, "find_spec", lambda name: None if name == "wandb" else name)
    require_packages(["mlflow", "tensorboard"])
    with pytest.raises(UserError, match="wandb: not installed") as caught:
        require_packages(["mlflow", "wandb"])
    assert caught.value.code == "trackers-package-missing"


def test_a_tracker_that_cannot_begin_is_left_out(tmp_path, caplog):
    (tmp_path / "tensorboard").write_text("a file where its folder would be")
    assert len(open_trackers(["tensorboard"], tmp_path, "lean", "training", None)) == 0
    assert "tensorboard cannot record this run" in caplog.text
