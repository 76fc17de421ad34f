"""Tasks side by side, of which any may lose its process."""

import os
import time
from concurrent.futures.process import BrokenProcessPool

import pytest

from sen2naip_sr.experiments.running import processes
from sen2naip_sr.experiments.running.processes import Processes, open_processes


def begin(folder):
    """Note a start, and end this process without a word."""
    note(folder)
    os._exit(9)


def note(folder):
    number = len(list(folder.iterdir()))
    (folder / f"{number}").write_text(f"{os.getpid()}")
    return number


def begin_well_the_third_time(folder):
    if note(folder) < 2:
        os._exit(9)
    return "done"


def last(folder):
    note(folder)
    time.sleep(600)


def is_there(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_task_whose_process_dies_is_tried_again_in_another(tmp_path):
    with Processes(2) as running:
        assert running.submit(begin_well_the_third_time, tmp_path).result() == "done"
    assert len({file.read_text() for file in tmp_path.iterdir()}) == 3


def test_not_for_ever_and_the_next_task_has_a_process(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "STARTS", 2)
    with Processes(1) as running:
        with pytest.raises(BrokenProcessPool):
            running.submit(begin, tmp_path).result()
        assert len(list(tmp_path.iterdir())) == 2
        assert running.submit(os.getpid).result() != os.getpid()


def test_once_left_by_an_exception_nothing_works_any_more(tmp_path):
    begun = time.monotonic()
    with pytest.raises(KeyError), Processes(1) as running:
        tasks = [running.submit(last, tmp_path) for _ in range(2)]
        while not list(tmp_path.iterdir()):
            time.sleep(0.02)
        raise KeyError
    assert time.monotonic() - begun < 60
    (begun_task,) = tmp_path.iterdir()
    assert not is_there(int(begun_task.read_text()))
    assert all(task.done() for task in tasks)


def test_one_process_is_this_one():
    with open_processes(1) as (here, most):
        assert most == 1
        assert here.submit(os.getpid).result() == os.getpid()
        assert isinstance(here.submit(int, "x").exception(), ValueError)
