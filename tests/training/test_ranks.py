"""Two processes train as one does."""

import math
import os
import time

import pytest
import torch
from of_ranks import (
    CASES,
    FEW,
    RESUMED,
    STEPS,
    checkpoint_at,
    fabrics,
    fail,
    started,
    train_all,
    trained,
)
from tiny_training import tiny_parameters

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.distributed.launcher import launch

PAIR = tiny_parameters(batch_size=8, distributed={"processes": 2, "timeout": 60})


@pytest.fixture(scope="module")
def alone():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield fabrics()
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def ranks(tmp_path_factory, alone):
    """Return what two processes came to, and what rank zero said."""
    folder = tmp_path_factory.mktemp("ranks")
    torch.save(checkpoint_at(7, alone), folder / "alone.pt")
    said = []

    def result():
        return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]

    def heard(kind, content):
        said.append((kind, content))

    found = launch(train_all, lambda made: ((folder,), result), PAIR, folder, heard)
    assert [path for path in folder.iterdir() if path.name.startswith(".")] == []
    return found, said


def furthest(found, expected):
    return max((found[n].double() - t.double()).abs().max().item() for n, t in expected.items())


@pytest.mark.parametrize("case", CASES)
def test_two_processes_train_as_one(ranks, alone, case):
    expected = trained(case, alone)
    (first, second), _ = ranks
    limit = 1e-6 if case.endswith("32") else 1e-12
    for name, weight in first[case]["weights"].items():
        assert torch.equal(weight, second[case]["weights"][name])
    for kind in ("weights", "average"):
        assert furthest(first[case][kind], expected[kind]) < limit
    assert first[case]["psnr"] == second[case]["psnr"]
    assert first[case]["psnr"] == pytest.approx(expected["psnr"], abs=1e-4)
    if "averaged" in case or case.endswith("32"):
        return  # the former measure no noise; Adam enlarges what the discriminator's sums differ by
    # the ranks are the halves whose gradients a process alone compares
    skipped = {"noise_scale", "fisher_trace"} if case in ("accumulated", "grown") else set()
    for entry, other in zip(first[case]["history"], expected["history"], strict=True):
        assert entry.keys() - skipped == other.keys() - skipped
        for name in entry.keys() - skipped:
            assert entry[name] == pytest.approx(other[name], rel=1e-3, abs=1e-6), name


def test_what_was_saved_by_one_is_resumed_by_two_and_the_other_way_round(ranks, alone):
    (first, _), _ = ranks
    expected = trained(RESUMED, alone)
    assert first["checkpoint"]["processes"] == 2
    for found in (first["resumed"], trained(RESUMED, alone, first["checkpoint"])):
        assert furthest(found["weights"], expected["weights"]) < 1e-12
        assert found["history"][-1]["loss"] == pytest.approx(expected["history"][-1]["loss"])


def test_rank_zero_is_heard(ranks):
    _, said = ranks
    assert ("metrics", [{"trained": len(CASES) + 2}, STEPS]) in said


def test_a_process_that_is_killed_ends_the_others_and_is_named(tmp_path):
    numbers, target = [], tmp_path / "failed"

    def heard(kind, content):
        if kind == "pid":
            numbers.append(content[0])

    with pytest.raises(UserError) as caught:
        launch(fail, lambda made: ((target,), lambda: None), PAIR, tmp_path, heard)
    assert caught.value.problem == (
        "process 1 of 2 of the training failed: killed by SIGKILL (out of memory?)"
    )
    assert time.time() - float(target.read_text()) < 30
    for number in numbers:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)
    assert list(tmp_path.iterdir()) == [target]


def test_one_process_launches_nothing(alone, monkeypatch):
    monkeypatch.setattr(torch.distributed, "all_reduce", None)
    found = started("carn 32", alone)
    entries = found.take_steps(FEW)
    assert math.isfinite(entries[-1]["loss"])
    assert not torch.distributed.is_initialized()
