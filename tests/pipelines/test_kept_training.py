"""A training of equal inputs, parameters and code is not done again."""

import logging

import mlflow
import pandas as pd
import pytest
from tiny_inputs import tiny_inputs, train

from sen2naip_sr.chips.store import Store
from sen2naip_sr.datasets import WeightsDataset
from sen2naip_sr.training import finished, network
from sen2naip_sr.weights.files import load_weights, save_weights

WEIGHTS, HISTORY = finished.WEIGHTS, finished.HISTORY


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def trained(inputs, tmp_path_factory):
    """Return a folder with a finished training, as the catalog writes it."""
    folder = tmp_path_factory.mktemp("trained")
    save(folder, *train(inputs, folder))
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    """Return a copy of the finished training that a test may change."""
    for name in (WEIGHTS, HISTORY):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    return tmp_path


@pytest.fixture
def fits(monkeypatch):
    """Return a list with an item for each training that was begun."""
    begun, fit = [], network.fit
    monkeypatch.setattr(network, "fit", lambda *a, **k: begun.append(1) or fit(*a, **k))
    return begun


def save(folder, weights, history):
    WeightsDataset(filepath=str(folder / WEIGHTS)).save(weights)
    history.to_csv(folder / HISTORY, index=False)


def test_equal_training_keeps_every_byte_and_says_so_in_one_line(inputs, folder, fits, caplog):
    before = {name: (folder / name).read_bytes() for name in (WEIGHTS, HISTORY)}
    with caplog.at_level(logging.INFO, "sen2naip_sr"):
        save(folder, *train(inputs, folder))
    assert fits == []
    assert {name: (folder / name).read_bytes() for name in before} == before
    (said,) = (record.message for record in caplog.records)
    assert said.startswith(f"carn: nothing has changed, the weights of {folder} are kept")
    assert "force=true" in said
    assert "\n" not in said


def test_force_trains_anew_and_makes_the_same(inputs, folder, fits):
    before = (folder / WEIGHTS).read_bytes()
    save(folder, *train(inputs, folder, force=True))
    assert fits == [1]
    assert (folder / WEIGHTS).read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 1}, "training.seed: was 0, is 1"),
        ({"steps": 3}, "training.steps: was 2, is 3"),
        ({"learning_rate": 0.5}, "training.learning_rate: was"),
        ({"losses": {"charbonnier": 1.0}}, "training.losses"),
        ({"batch_size": 1}, "training.batch_size: was 2, is 1"),
        ({"keep": "last"}, "training.keep: was best, is last"),
    ],
)
def test_another_parameter_trains_anew_and_is_named(  # noqa: PLR0917
    inputs, folder, fits, caplog, change, said
):
    with caplog.at_level(logging.INFO, "sen2naip_sr"):
        train(inputs, folder, **change)
    assert fits == [1]
    assert said in caplog.text


def test_other_chips_splits_start_or_code_train_anew(inputs, folder, fits, monkeypatch):
    hr, lr, splits = inputs
    other = hr.manifest.model_copy(update={"content": "other"})
    train((Store(hr.folder, other), lr, splits), folder)
    assert len(fits) == 1
    elsewhere = splits.assign(split=["validation", *splits["split"][1:]])
    train((hr, lr, elsewhere), folder)
    assert len(fits) == 2
    train(inputs, folder, start_from=folder / WEIGHTS)
    assert len(fits) == 3
    monkeypatch.setattr(network, "code_hash", lambda: "changed")
    train(inputs, folder)
    assert len(fits) == 4


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def unrecorded(path):
    """Make weights of a time before the hash of the code was recorded."""
    found = load_weights(path)
    save_weights(path, found.state, found.metadata.model_copy(update={"code": None}))


def of_another_training(path):
    history = pd.read_csv(path)
    history["validation_psnr"] += 0.001
    history.to_csv(path, index=False)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (WEIGHTS, cut),
        (WEIGHTS, lambda path: path.write_bytes(b"")),
        (WEIGHTS, lambda path: path.unlink()),
        (WEIGHTS, unrecorded),
        (HISTORY, lambda path: path.unlink()),
        (HISTORY, lambda path: path.write_bytes(b"")),
        (HISTORY, lambda path: path.write_bytes(b"\xff\xfe\x00")),
        (HISTORY, lambda path: path.write_text("step\n1\n")),
        (HISTORY, of_another_training),
    ],
)
def test_what_is_not_whole_is_trained_anew(inputs, folder, fits, name, damage):
    before = (folder / WEIGHTS).read_bytes()
    damage(folder / name)
    save(folder, *train(inputs, folder))
    assert fits == [1]
    assert (folder / WEIGHTS).read_bytes() == before


@pytest.fixture
def tracked(tmp_path, monkeypatch):
    """Record runs in a database of their own, whatever experiment other tests have left active."""
    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "")  # to be put back
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    mlflow.set_experiment("kept")
    yield
    mlflow.set_tracking_uri(before)


@pytest.mark.usefixtures("tracked")
def test_the_tracked_run_of_a_kept_training_says_so(inputs, folder):
    found = []
    for force in (True, False):
        with mlflow.start_run() as run:
            train(inputs, folder, force=force)
        found.append(mlflow.get_run(run.info.run_id).data)
    trained, kept = found
    assert (trained.tags["training"], kept.tags["training"]) == ("trained", "kept")
    assert trained.tags["weights"] == kept.tags["weights"]
    assert "train/validation_psnr" in trained.metrics
    assert kept.metrics == {}


def test_the_hash_of_the_code_follows_the_code(tmp_path, monkeypatch):
    module = tmp_path / "training" / "finished.py"
    module.parent.mkdir()
    module.write_text("one")
    monkeypatch.setattr(finished, "__file__", str(module))
    hashes = []
    for text in ("one", "two", "one"):
        module.write_text(text)
        finished.code_hash.cache_clear()
        hashes.append(finished.code_hash())
    finished.code_hash.cache_clear()
    assert hashes[0] == hashes[2] != hashes[1]
