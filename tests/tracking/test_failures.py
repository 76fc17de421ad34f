"""A tracker that fails costs a run nothing but its records, and that is said."""

import itertools
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import mlflow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.running.lock import locked
from sen2naip_sr.tracking.failures import Losses, attempt, explained, kept

# what libraries say while they are imported
pytestmark = pytest.mark.filterwarnings("ignore")


def unreachable():
    raise MlflowException("API request failed: connection refused\nand more")


class Store:
    """A tracker that fails as it is told, in each of its calls."""

    def __init__(self, error):
        self.error = error

    def __getattr__(self, name):
        def call(*_, **__):
            raise self.error

        return call


@pytest.mark.parametrize(
    "error",
    [
        MlflowException("database is locked"),
        OSError(28, "No space left on device"),
        ConnectionError("refused"),
    ],
)
def test_whatever_mlflow_is_asked_to_record_may_fail(error, monkeypatch, caplog, tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("a")
    client = MlflowClient("http://127.0.0.1:9")
    monkeypatch.setattr(client, "_tracking_client", Store(error))
    calls = [
        lambda: client.log_metric("1", "psnr", 3.0),
        lambda: client.log_param("1", "a", 3),
        lambda: client.set_tag("1", "a", 3),
        lambda: client.log_batch("1"),
        lambda: client.log_artifact("1", str(file)),
        lambda: client.set_terminated("1"),
    ]
    for call in calls:
        with pytest.raises(type(error)):
            call()
    with kept():
        for call in calls:
            assert call() is None
    assert f"{len(calls)} calls failed or were left out" in caplog.text
    assert str(error) in caplog.text
    with pytest.raises(type(error)):
        calls[0]()


def test_a_file_that_was_copied_in_part_is_removed(monkeypatch, tmp_path):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"whole")
    run = SimpleNamespace(info=SimpleNamespace(artifact_uri=(tmp_path / "a b").as_uri()))
    client = MlflowClient("http://127.0.0.1:9")
    monkeypatch.setattr(client, "get_run", lambda _: run)

    def copy_in_part(_self, _run, path, folder=None):
        target = tmp_path / "a b" / (folder or "") / Path(path).name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"wh")
        raise OSError(28, "No space left on device")

    copy_in_part.__name__ = "log_artifact"
    monkeypatch.setattr(MlflowClient, "log_artifact", copy_in_part)
    with kept():
        client.log_artifact("1", str(file))
        client.log_artifact("1", str(file), "weights")
    assert [path for path in (tmp_path / "a b").rglob("*") if path.is_file()] == []
    assert file.read_bytes() == b"whole"


def test_wrong_calls_are_not_taken_for_failures():
    with kept(), pytest.raises(TypeError):
        MlflowClient("http://127.0.0.1:9").log_metric()
    wrong = MlflowException.invalid_parameter_value("no such name")
    assert explained(wrong) is None
    with pytest.raises(MlflowException):
        Losses().attempt(lambda: (_ for _ in ()).throw(wrong))


def test_a_run_that_is_recorded_says_nothing(caplog):
    with kept():
        assert attempt(lambda: 3) == 3
    assert not caplog.records


@given(st.lists(st.floats(0.001, 30), min_size=1, max_size=40), st.floats(0.01, 5))
def test_a_slow_tracker_costs_a_tenth_of_the_time_at_most(seconds, step):
    clock, waited = [0.0], [0.0]
    losses = Losses()
    durations = itertools.cycle(seconds)

    def fail():
        took = next(durations)
        clock[0] += took
        waited[0] += took
        raise MlflowException("no answer")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sen2naip_sr.tracking.failures.time.monotonic", lambda: clock[0])
        for _ in range(300):
            clock[0] += step
            losses.attempt(fail)
    assert losses.calls == 300
    assert waited[0] <= clock[0] / 10 + max(seconds)


def test_a_tracker_that_a_run_needs_is_explained():
    with pytest.raises(MlflowException) as caught:
        attempt(unreachable)
    error = explained(caught.value)
    assert isinstance(error, UserError)
    assert error.problem.endswith("connection refused")
    assert explained(ValueError("ours")) is None
    assert explained(sqlite3.OperationalError("of another database")) is None


def test_a_lock_waits_as_long_as_it_is_told(tmp_path):
    with locked(tmp_path, "one"), locked(tmp_path, "another"):
        with pytest.raises(UserError, match="another run"), locked(tmp_path, "one", wait=0.05):
            pass
    with locked(tmp_path, "one", wait=0.05):
        assert mlflow.active_run() is None
