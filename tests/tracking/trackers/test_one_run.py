"""One run, three trackers, equal content: each is read back by its own reader."""

import json
import struct

import pytest
from mlflow import MlflowClient

# what libraries say while they are imported
pytestmark = pytest.mark.filterwarnings("ignore")

BLOCK, FULL, LAST = 32768, 1, 4


@pytest.fixture(scope="module")
def in_mlflow(finished_project):
    """Parameters, results and curves of the run in MLflow."""
    client = MlflowClient(f"sqlite:///{finished_project}/mlflow.db")
    experiment = client.get_experiment_by_name("sen2naip_sr/training")
    (run,) = client.search_runs([experiment.experiment_id])
    curves = {
        name: [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
        for name in run.data.metrics
        if not name.startswith("system/")
    }
    return run, {name: sorted(points) for name, points in curves.items()}


@pytest.fixture(scope="module")
def in_tensorboard(finished_project):
    """The event files of the run, loaded."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (folder,) = (finished_project / "data/08_reporting/tensorboard").iterdir()
    return folder, EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()


def records(content):
    """Yield the records of an offline run, a log in LevelDB's format after a header of 7 bytes."""
    assert content[:4] == b":W&B"
    place, parts = 7, b""
    while place + 7 <= len(content):
        room = BLOCK - place % BLOCK
        if room < 7:
            place += room
            continue
        _, length, kind = struct.unpack("<IHB", content[place : place + 7])
        parts += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in {FULL, LAST}:
            yield parts
            parts = b""


@pytest.fixture(scope="module")
def in_wandb(finished_project):
    """The folder of the offline run, its configuration, summary and history."""
    from wandb.proto import wandb_internal_pb2

    (folder,) = (finished_project / "data/08_reporting/wandb").glob("offline-run-*")
    config, summary, history = {}, {}, []
    for data in records(next(folder.glob("*.wandb")).read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        updates = [*record.config.update, *record.run.config.update]
        config |= {item.key: json.loads(item.value_json) for item in updates}
        summary |= {
            item.key or "/".join(item.nested_key): json.loads(item.value_json)
            for item in record.summary.update
        }
        if record.HasField("history"):
            history.append(
                {
                    item.key or "/".join(item.nested_key): json.loads(item.value_json)
                    for item in record.history.item
                }
            )
    return folder, config, summary, history


def test_tensorboard_has_mlflow_s_numbers_bit_for_bit(in_mlflow, in_tensorboard):
    from tensorboard.util.tensor_util import make_ndarray

    _, events = in_tensorboard
    found = {}
    for name in events.Tags()["tensors"]:
        if not name.startswith("parameters"):
            points = events.Tensors(name)
            found[name] = sorted((p.step, make_ndarray(p.tensor_proto).item()) for p in points)
    assert found == in_mlflow[1]


def test_wandb_has_mlflow_s_numbers_bit_for_bit(in_mlflow, in_wandb):
    _, _, summary, history = in_wandb
    for name, points in in_mlflow[1].items():
        logged = sorted((row["step"], row[name]) for row in history if name in row)
        assert (logged or [(0, summary[name])]) == points, name
    assert {"test/psnr", "test_psnr/lanczos", "usage/wall_seconds"} <= set(summary)


def test_all_have_mlflow_s_parameters(in_mlflow, in_tensorboard, in_wandb):
    expected = dict(in_mlflow[0].data.params)
    assert expected["lean.training.steps"] == "12"
    config = in_wandb[1]
    assert {name: str(config[name]) for name in expected} == expected
    events = in_tensorboard[1]
    table = events.Tensors("parameters/text_summary")[-1].tensor_proto.string_val[0].decode()
    rows = dict(row.strip("| ").split(" | ", 1) for row in table.splitlines()[2:] if " | " in row)
    assert {name: rows[name] for name in expected} == expected


def test_all_have_the_figures_and_the_files(finished_project, in_tensorboard, in_wandb):
    figures = {"figures/by_place_figure", "figures/comparison_figure", "figures/gallery"}
    assert figures <= set(in_tensorboard[1].Tags()["images"])
    assert figures <= {name.removesuffix("/path") for row in in_wandb[3] for name in row}
    original = (finished_project / "data/08_reporting/comparison.csv").read_bytes()
    assert (in_tensorboard[0] / "files/scores/comparison.csv").read_bytes() == original
    assert (in_wandb[0] / "files/scores/comparison.csv").read_bytes() == original


def test_the_end_of_a_run_says_how_to_look_at_each(finished_run):
    printed = finished_run[1].stdout
    assert "tensorboard --logdir" in printed
    assert "wandb sync" in printed
