"""A training that is stopped at any moment goes on and ends as if it had not been."""

import logging
import random
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from tiny_training import GAN, SIZES, tiny_fit, tiny_model

from sen2naip_sr.models.registry import MODELS
from sen2naip_sr.training import checkpoint as checkpoint_module
from sen2naip_sr.training.dynamics import NoiseScale
from sen2naip_sr.training.optimization.optimizers import OWN_OPTIMIZERS

pytestmark = pytest.mark.usefixtures("one_thread")

SHORT = {
    "steps": 5,
    "batch_size": 2,
    "checkpoint_every": 2,
    "log_every": 1,
    "validate_every": 1,
    "schedule": {"warmup_steps": 1},
}
TWO_LOSSES = {"losses": {"l1": 1.0, "mse": 2.0}}
EVERYTHING = {
    "losses": {"l1": 1.0, "consistency": 1.0, "adversarial": 0.1},
    "adversarial": {"discriminator": "unet", "channels": 4, "ramp_steps": 2},
    "balance": "uncertainty",
    "batch_growth": {"largest": 4, "every": 1},
    "detail": {"weighted": True},
    "precision": "bf16-mixed",
}
LONG = {"steps": 30, "checkpoint_every": 5, "log_every": 1, "validate_every": 7}

CHILD = """
import sys, time
from pathlib import Path
import torch
from tiny_training import tiny_fit
from test_resume import LONG

def report(metrics, step):
    time.sleep(0.03)
    with open(sys.argv[2], "a") as stream:
        stream.write(f"{step}\\n")

torch.set_num_threads(1)
tiny_fit(checkpoint=Path(sys.argv[1]), report=report, **LONG)
"""


class Stopped(Exception):
    pass


@contextmanager
def plainly_open(path):
    yield path


def stop_at(stop):
    def report(metrics, step):
        if step == stop:
            raise Stopped

    return report


def assert_same(found, expected):
    assert found.state.keys() == expected.state.keys()
    differing = [n for n, t in expected.state.items() if not torch.equal(found.state[n], t)]
    assert differing == []
    assert found.history == expected.history
    assert (found.step, found.best_step) == (expected.step, expected.best_step)
    assert found.best_psnr == expected.best_psnr


def test_killed_process_goes_on_to_the_same_weights(tmp_path):
    checkpoint, progress = tmp_path / "c.pt", tmp_path / "progress"
    kill_after = random.randint(6, 24)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, checkpoint, progress],
        cwd=Path(__file__).parent,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 240
    while not progress.exists() or len(progress.read_text().split()) <= kill_after:
        assert child.poll() is None, child.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(random.uniform(0.001, 0.02))
    child.kill()
    child.communicate()
    assert child.returncode != 0, "it had finished before it was killed"

    resumed = tiny_fit(checkpoint=checkpoint, **LONG)
    assert resumed.resumed_from % 5 == 0
    assert kill_after - 5 <= resumed.resumed_from < 30
    assert_same(resumed, tiny_fit(**LONG))
    assert not checkpoint.exists()


@pytest.mark.parametrize("changes", [{}, {"precision": "bf16-mixed"}])
def test_stopped_at_any_step_goes_on_to_the_same_weights(tmp_path, changes):
    short = {"steps": 7, "checkpoint_every": 2, "log_every": 1, "validate_every": 3, **changes}
    expected = tiny_fit(**short)
    for stop in range(1, 8):
        checkpoint = tmp_path / f"{stop}.pt"
        with pytest.raises(Stopped):
            tiny_fit(checkpoint=checkpoint, report=stop_at(stop), **short)
        resumed = tiny_fit(checkpoint=checkpoint, **short)
        assert resumed.resumed_from == ((stop - 1) // 2 * 2 or None)
        assert_same(resumed, expected)


def stopped_and_resumed(checkpoint, name="carn", **changes):
    """Return what a training comes to that is stopped at its fourth step, a step after a
    checkpoint was last written, and goes on."""
    with pytest.raises(Stopped):
        tiny_fit(checkpoint=checkpoint, report=stop_at(4), model=tiny_model(name), **changes)
    resumed = tiny_fit(checkpoint=checkpoint, model=tiny_model(name), **changes)
    assert resumed.resumed_from == 2
    return resumed


@pytest.mark.parametrize("name", [name for name, spec in MODELS.items() if spec.trainable])
def test_every_network_goes_on_to_the_same_weights(tmp_path, name):
    assert name in SIZES
    expected = tiny_fit(model=tiny_model(name), **SHORT)
    assert_same(stopped_and_resumed(tmp_path / "c.pt", name, **SHORT), expected)


@pytest.mark.parametrize(
    ("changes", "changing"),
    [
        (GAN, "discriminator_loss"),
        (GAN | {"adversarial": {"loss": "wgan_gp", "channels": 4}}, "gradient_penalty"),
        (TWO_LOSSES | {"balance": "uncertainty"}, "weight_l1"),
        (TWO_LOSSES | {"balance": "gradient_norm"}, "weight_l1"),
        ({"detail": {}}, "loss"),
        ({"detail": {"weighted": True}}, "loss"),
        (
            {"schedule": {"name": "plateau", "warmup_steps": 0, "patience": 1, "threshold": 9}},
            "learning_rate",
        ),
        *(({"optimizer": {"path": path, "arguments": {}}}, "loss") for path in OWN_OPTIMIZERS),
        (EVERYTHING, "weight_l1"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value,
)
def test_whatever_changes_goes_on_as_it_was(tmp_path, changes, changing):
    short = SHORT | changes
    expected = tiny_fit(**short)
    assert len({entry[changing] for entry in expected.history[1:]}) > 1
    assert_same(stopped_and_resumed(tmp_path / "c.pt", **short), expected)


def test_a_batch_that_has_grown_goes_on_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(NoiseScale, "samples", 1000.0)
    short = SHORT | {"batch_growth": {"largest": 4, "every": 1}}
    expected = tiny_fit(**short)
    # the size of the step to come
    assert [entry["batch_size"] for entry in expected.history[1:]] == [4, 8, 8, 8, 8]
    assert_same(stopped_and_resumed(tmp_path / "c.pt", **short), expected)


def test_a_training_that_was_killed_when_it_was_done_has_its_result(tmp_path, monkeypatch):
    short, checkpoint = SHORT | {"steps": 4}, tmp_path / "c.pt"

    def killed(*arguments, **keywords):
        raise Stopped

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Path, "unlink", killed)
        # the writing of a checkpoint unlinks too, after its file is complete
        patched.setattr(checkpoint_module, "replacing", plainly_open)
        tiny_fit(checkpoint=checkpoint, **short)
    resumed = tiny_fit(checkpoint=checkpoint, **short)
    assert resumed.resumed_from == 4
    assert_same(resumed, tiny_fit(**short))


def test_stopped_twice_goes_on_to_the_same_weights(tmp_path):
    checkpoint = tmp_path / "c.pt"
    for stop in (8, 14):
        with pytest.raises(Stopped):
            tiny_fit(checkpoint=checkpoint, report=stop_at(stop), **LONG)
    resumed = tiny_fit(checkpoint=checkpoint, **LONG)
    assert resumed.resumed_from == 10
    assert_same(resumed, tiny_fit(**LONG))


def test_logs_between_checkpoints_average_the_same_losses(tmp_path):
    sparse = LONG | {"log_every": 4}
    checkpoint = tmp_path / "c.pt"
    with pytest.raises(Stopped):
        tiny_fit(checkpoint=checkpoint, report=stop_at(12), **sparse)
    assert_same(tiny_fit(checkpoint=checkpoint, **sparse), tiny_fit(**sparse))


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({}, {"learning_rate": 1e-3}, ["training.learning_rate: was 0.005, is 0.001"]),
        (
            {"fingerprint": {"data": "a"}},
            {"fingerprint": {"data": "b"}, "balance": "uncertainty"},
            ["data: was a, is b", "training.balance: was fixed, is uncertainty"],
        ),
        (GAN, {}, ["training.losses.adversarial: was 0.1, is not given"]),
    ],
)
def test_a_checkpoint_of_another_training_is_named_and_not_used(
    tmp_path, caplog, first, second, said
):
    checkpoint = tmp_path / "c.pt"
    with pytest.raises(Stopped):
        tiny_fit(checkpoint=checkpoint, report=stop_at(4), **(SHORT | first))
    with caplog.at_level(logging.INFO, "sen2naip_sr"):
        result = tiny_fit(checkpoint=checkpoint, **(SHORT | second))
    assert all(difference in caplog.text for difference in said)
    assert result.resumed_from is None
    assert_same(result, tiny_fit(**(SHORT | second)))


def test_time_spent_before_counts(tmp_path):
    checkpoint = tmp_path / "c.pt"

    def slow(metrics, step):
        time.sleep(0.3 if step == 1 else 0)
        if step == 2:
            raise Stopped

    short = {"steps": 3, "checkpoint_every": 1, "log_every": 1, "validate_every": 3}
    with pytest.raises(Stopped):
        tiny_fit(checkpoint=checkpoint, report=slow, **short)
    assert tiny_fit(checkpoint=checkpoint, **short).seconds > 0.3
