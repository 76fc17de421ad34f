"""Two processes train as one does."""

import pytest
import torch
from of_ranks import CASES, STEPS, fabrics, train_all, trained
from tiny_training import tiny_parameters

from sen2naip_sr.training.distributed.launcher import launch


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """Return what two processes came to, and what rank zero said."""
    folder = tmp_path_factory.mktemp("ranks")
    said = []

    def result():
        return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2)]

    parameters = tiny_parameters(batch_size=8, distributed={"processes": 2, "timeout": 60})
    found = launch(
        train_all,
        lambda made: ((folder,), result),
        parameters,
        folder,
        lambda kind, content: said.append((kind, content)),
    )
    return found, said


@pytest.fixture(scope="module")
def alone():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield fabrics()
    torch.set_num_threads(threads)


def furthest(found, expected):
    return max((found[n].double() - t.double()).abs().max().item() for n, t in expected.items())


@pytest.mark.parametrize("case", CASES)
def test_two_processes_train_as_one(ranks, alone, case):
    expected = trained(case, alone)
    (first, second), _ = ranks
    single = expected["weights"][next(iter(expected["weights"]))].dtype == torch.float32
    for name, weight in first[case]["weights"].items():
        assert torch.equal(weight, second[case]["weights"][name])
    for kind in ("weights", "average"):
        assert furthest(first[case][kind], expected[kind]) < (1e-6 if single else 1e-12)
    assert first[case]["psnr"] == second[case]["psnr"]
    assert first[case]["psnr"] == pytest.approx(expected["psnr"], abs=1e-4)
    assert first[case]["processes"] == 2


def test_what_is_said(ranks):
    _, said = ranks
    assert ("metrics", [{"trained": len(CASES)}, STEPS]) in said
