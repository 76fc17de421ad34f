"""A training whose process is killed again and again is given up, unless it advances."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_experiment import EVALUATION, make_stores, make_variation

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.running.attempts import ATTEMPTS, counted
from sen2naip_sr.experiments.running.outcome import CHECKPOINT, read_outcome
from sen2naip_sr.experiments.running.runner import run_variations


def start(folder, fingerprint="of this"):
    """Begin a training in a process that is killed in it; False: it was given up."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from sen2naip_sr.experiments.running.attempts import counted\n"
        "folder = Path(sys.argv[1])\n"
        "with counted(folder, sys.argv[2], folder / 'checkpoint.pt'):\n"
        "    os._exit(9)\n"
    )
    command = [sys.executable, "-c", code, folder, fingerprint]
    ended = subprocess.run(command, capture_output=True, check=False)
    return ended.returncode == 9


def kill_in(folder, times, fingerprint="of this"):
    """Leave what so many kills leave, without the processes."""
    for _ in range(times):
        context = counted(folder, fingerprint, folder / CHECKPOINT)
        context.__enter__()
        left = (folder / ATTEMPTS).read_bytes()
        context.gen.close()
        (folder / ATTEMPTS).write_bytes(left)


def save_step(folder, step):
    torch.save({"step": step, "elapsed": 1.0}, folder / CHECKPOINT)


def is_given_up(folder, fingerprint="of this"):
    try:
        with counted(folder, fingerprint, folder / CHECKPOINT):
            return False
    except UserError as error:
        assert "was killed 3 times (out of memory?)" in f"{error}"
        return True


def test_is_given_up_at_the_fourth_start_and_tried_again_at_the_next(tmp_path):
    assert start(tmp_path)
    kill_in(tmp_path, 2)
    assert not start(tmp_path)
    assert not is_given_up(tmp_path)


def test_counts_anew_after_an_end_that_python_saw(tmp_path):
    kill_in(tmp_path, 2)
    with pytest.raises(ValueError), counted(tmp_path, "of this", tmp_path / CHECKPOINT):
        raise ValueError
    assert not (tmp_path / ATTEMPTS).exists()


def test_ctrl_c_is_no_attempt(tmp_path):
    kill_in(tmp_path, 2)
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt), counted(tmp_path, "of this", tmp_path / CHECKPOINT):
            raise KeyboardInterrupt
    kill_in(tmp_path, 1)
    assert is_given_up(tmp_path), "nor does it make the kills before it undone"


def test_a_training_that_came_further_is_not_given_up(tmp_path):
    for step in range(1, 7):
        save_step(tmp_path, step)
        kill_in(tmp_path, 1)
    save_step(tmp_path, 7)
    assert not is_given_up(tmp_path)
    kill_in(tmp_path, 3)
    assert is_given_up(tmp_path)


def test_another_training_in_the_folder_has_not_been_tried(tmp_path):
    kill_in(tmp_path, 3)
    assert not is_given_up(tmp_path, "of another")


def test_a_variation_that_ends_the_command_does_not_keep_it_from_the_others(tmp_path):
    stores = make_stores(tmp_path)
    poison, fine = make_variation("poison"), make_variation("fine", seed=1)
    kill_in(tmp_path / "poison", 3, poison.fingerprint(*stores, EVALUATION))
    given_up, trained = run_variations([poison, fine], *stores, tmp_path, EVALUATION)
    assert "was killed 3 times (out of memory?)" in given_up.error
    assert trained.error is None
    assert read_outcome(tmp_path / "poison") == given_up
    again, _ = run_variations([poison, fine], *stores, tmp_path, EVALUATION)
    assert again.error is None
    assert not (tmp_path / "poison" / ATTEMPTS).exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_in_a_run_is_no_attempt(tmp_path, workers):
    make_stores(tmp_path)
    code = (
        "import signal, sys, tiny_experiment as tiny\n"
        # whoever started the tests in the background has them ignore it
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from pathlib import Path\n"
        "from sen2naip_sr.experiments.running.runner import run_variations\n"
        "from sen2naip_sr.chips.store import require_store\n"
        "folder = Path(sys.argv[1])\n"
        "endless = [tiny.make_variation(n, steps=10**6, checkpoint_every=10**6) for n in 'ab']\n"
        "if __name__ == '__main__':\n"
        "    run_variations(endless, require_store(folder / 'hr'), require_store(folder / 'lr'),\n"
        "                   folder / 'made', tiny.EVALUATION, workers=int(sys.argv[2]))\n"
    )
    (tmp_path / "endless.py").write_text(code)
    own = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    child = subprocess.Popen(
        [sys.executable, tmp_path / "endless.py", tmp_path, str(workers)],
        env=os.environ | {"PYTHONPATH": own},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    names = "ab"[:workers]
    files = [tmp_path / "made" / name / ATTEMPTS for name in names]
    try:
        for _ in range(1200):
            if all(file.exists() for file in files):
                break
            time.sleep(0.1)
        assert all(file.exists() for file in files)
        os.killpg(child.pid, signal.SIGINT)  # as a terminal does
        assert child.wait(60) != 0
    finally:
        child.kill()
    assert not any(file.exists() for file in files)
