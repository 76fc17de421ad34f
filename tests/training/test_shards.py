"""Two processes that each hold a part of a network train as one does that holds all of it."""

import pytest
import torch
from of_shards import BATCH, CASES, HALF, MIXED, RESUMED, finished, started, train_all
from pydantic import ValidationError
from tiny_training import GAN, tiny_fabric, tiny_parameters

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.distributed.launcher import launch
from sen2naip_sr.training.holding.sharded import Sharded
from sen2naip_sr.training.reparametrised import Reparametrised

pytestmark = pytest.mark.usefixtures("one_thread")

SHARDED = {"processes": 2, "strategy": "fsdp", "timeout": 60}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return where two processes left what they came to."""
    made = tmp_path_factory.mktemp("shards")
    trainer = started(CASES[RESUMED])
    trainer.take_steps(HALF)
    torch.save(trainer.checkpoint({}, 0.0), made / "alone.pt")
    pair = tiny_parameters(batch_size=8, distributed=SHARDED)
    launch(train_all, lambda _: ((made,), lambda: None), pair, made, lambda kind, content: None)
    return made


@pytest.fixture(scope="module")
def ranks(folder):
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


def furthest(found, expected):
    assert found.keys() == expected.keys()
    return max((found[n].double() - t.double()).abs().max().item() for n, t in expected.items())


def assert_same(found, expected):
    for kind in ("weights", "average"):
        for name, weight in expected[kind].items():
            assert torch.equal(found[kind][name], weight)
    assert found["history"] == expected["history"]


@pytest.mark.parametrize("case", CASES)
def test_two_processes_with_a_part_each_train_as_one(ranks, case):
    expected = finished(started(CASES[case]))
    first, second = (rank[case] for rank in ranks)
    assert_same(second, first)
    limit = 1e-6 if case.endswith("32") else 1e-10 if "adam" in case or case == "thin" else 1e-12
    for kind in ("weights", "average"):
        assert furthest(first[kind], expected[kind]) < limit
    assert first["psnr"] == pytest.approx(expected["psnr"], abs=1e-4)
    for entry, other in zip(first["history"], expected["history"], strict=True):
        # nothing tells the gradients of the processes apart once torch has added them
        assert other.keys() - entry.keys() <= {"noise_scale", "fisher_trace"}
        for name, value in entry.items():
            assert value == pytest.approx(other[name], rel=1e-3, abs=1e-6), name


def test_mixed_precision(ranks):
    expected = finished(started(MIXED))
    moved = started(MIXED).get_weights()
    change = furthest(expected["weights"], moved)
    assert furthest(ranks[0]["mixed"]["weights"], expected["weights"]) < 0.05 * change
    assert all(weight.dtype == torch.float32 for weight in expected["weights"].values())


def test_batch_normalisation_is_that_of_replicated_networks(ranks):
    for rank in ranks:
        found, expected = rank["batch"], rank["batch, replicated"]
        assert furthest(found["weights"], expected["weights"]) < 1e-12
        assert found["weights"].keys() == started(BATCH).get_weights().keys()


def test_each_process_holds_about_half(ranks):
    for kind in ("weights", "averages", "moments"):
        (first, total), (second, same) = (rank["parts"][kind] for rank in ranks)
        assert first + second == total == same
        assert first == pytest.approx(total / 2, rel=0.05)
    weights, moments = (ranks[0]["parts"][kind][1] for kind in ("weights", "moments"))
    assert moments == 2 * weights


def test_the_time_limit_of_a_step_holds(ranks):
    assert all(rank["limited"] for rank in ranks)


def test_a_checkpoint_of_the_same_number_of_processes_resumes_bit_for_bit(ranks):
    for rank in ranks:
        assert_same(rank["from checkpoint_0"], rank[RESUMED])


def test_a_checkpoint_resumes_with_another_strategy(ranks, folder):
    expected = finished(started(CASES[RESUMED]))
    trainer = started(CASES[RESUMED])
    trainer.state.restore(torch.load(folder / "checkpoint_0.pt", weights_only=True))
    assert trainer.state.step == HALF
    first = ranks[0]
    for found in (first["from alone"], first["replicated from checkpoint_0"], finished(trainer)):
        assert furthest(found["weights"], expected["weights"]) < 1e-10
        assert furthest(found["average"], expected["average"]) < 1e-10


def test_a_checkpoint_is_that_of_one_process(folder):
    alone, first, second = (
        torch.load(folder / f"{name}.pt", weights_only=True)
        for name in ("alone", "checkpoint_0", "checkpoint_1")
    )
    assert first["parts"].keys() == alone["parts"].keys()
    for part in ("model", "ema"):
        assert furthest(first["parts"][part], alone["parts"][part]) < 1e-10
    moments = zip(
        first["parts"]["optimizer"]["state"].items(),
        alone["parts"]["optimizer"]["state"].items(),
        strict=True,
    )
    for (number, some), (same, others) in moments:
        assert number == same
        assert furthest(some, others) < 1e-10
        for name, moment in some.items():
            # fused optimisers read them in the order of memory
            for order in (torch.contiguous_format, torch.channels_last):
                if moment.ndim == 4 or order == torch.contiguous_format:
                    found = moment.is_contiguous(memory_format=order)
                    assert found == others[name].is_contiguous(memory_format=order)
    # rank zero writes it, the others need none
    assert sum(weight.numel() for weight in second["parts"]["model"].values()) == 0


def test_weights_that_are_set_are_there(ranks):
    for rank in ranks:
        assert furthest(rank["given"], rank[RESUMED]["weights"]) == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (GAN, "adversarial"),
        ({"losses": {"l1": 1, "mse": 1}, "balance": "uncertainty"}, "balance"),
        ({"distributed": SHARDED | {"averaging": {}}}, "averaging"),
        ({"batch_growth": {"largest": 2}}, "batch_growth"),
        ({"optimizer": {"path": "torch.optim.Adafactor", "arguments": {}}}, "torch.optim.AdamW"),
        ({"optimizer": {"arguments": {"fused": True}}}, "fused"),
        ({"compile": True}, "compile"),
        ({"precision": "16-mixed"}, "precision"),
    ],
)
def test_what_does_not_go_with_it_is_refused(changes, said):
    with pytest.raises(ValidationError, match=rf"with strategy fsdp, .*{said}.* strategy to ddp"):
        tiny_parameters(**{"distributed": SHARDED} | changes)


class Doubled(Reparametrised):
    described = None

    def folded(self, state):
        return state


def test_a_network_whose_weights_are_computed_is_refused():
    parameters = tiny_parameters(distributed=SHARDED)
    with pytest.raises(UserError, match="cannot be divided among processes") as caught:
        Sharded(Doubled(), parameters, tiny_fabric(parameters))
    assert caught.value.code == "not-divisible"


def test_one_process_holds_everything():
    name, size, changes = CASES[RESUMED]
    found = started((name, size, changes | {"distributed": SHARDED | {"processes": 1}}))
    assert_same(finished(found), finished(started(CASES[RESUMED])))
    assert not torch.distributed.is_initialized()


def test_the_strategy_does_not_change_what_a_result_depends_on():
    plain = tiny_parameters().described()
    assert tiny_parameters(distributed=SHARDED).described() == plain
