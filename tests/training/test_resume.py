"""A training that is stopped at any moment goes on and ends as if it had not been."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_training import tiny_fit

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


def stop_at(stop):
    def report(metrics, step):
        if step == stop:
            raise Stopped

    return report


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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
    deadline = time.monotonic() + 60
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
    ("first", "second"),
    [
        ({}, {"learning_rate": 1e-3}),
        ({"fingerprint": {"data": "a"}}, {"fingerprint": {"data": "b"}}),
    ],
)
def test_a_checkpoint_of_another_training_is_not_used(tmp_path, first, second):
    checkpoint = tmp_path / "c.pt"
    with pytest.raises(Stopped):
        tiny_fit(checkpoint=checkpoint, report=stop_at(12), **(LONG | first))
    result = tiny_fit(checkpoint=checkpoint, **(LONG | second))
    assert result.resumed_from is None
    assert_same(result, tiny_fit(**(LONG | second)))


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
