import functools

import numpy as np
import pytest
import torch
from tiny_training import BANDS, GAN, tiny_data, tiny_fabric, tiny_fit, tiny_model, tiny_parameters
from torch import nn
from torch.nn import functional as F

from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.errors import UserError
from sen2naip_sr.training import Trainer
from sen2naip_sr.training.crops.sampler import CropSampler, TrainingData
from sen2naip_sr.training.objective.adversarial import Adversary

DESCENT = {
    "optimizer": {"path": "torch.optim.SGD", "arguments": {}},
    "schedule": {"name": "constant", "warmup_steps": 0},
    "learning_rate": 0.5,
    "clip_norm": 1e9,
}
LOSSES = {"l1": 1.0, "fft": 0.5, "consistency": 2.0}


class Filter(nn.Module):
    """Two convolutions behind the nearest neighbours: about the smallest network there can be."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.entry = nn.Conv2d(BANDS, 4, 3, padding=1)
        self.exit = nn.Conv2d(4, BANDS, 3, padding=1)

    def forward(self, image):
        return self.exit(F.relu(self.entry(F.interpolate(image, scale_factor=2))))


class Failing(Filter):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def forward(self, image):
        raise self.error


def trainer(model=None, data=None, **changes):
    parameters = tiny_parameters(**changes)
    return Trainer(model or Filter(), data or tiny_data(), parameters, tiny_fabric(parameters))


def accumulated(found, micro_batches):
    found.state.parts["batch_growth"].load_state_dict({"micro_batches": micro_batches, "drawn": 0})
    return found


def weights_after(found, steps=1):
    for _ in range(steps):
        found.train_step(0.0)
    return {name: t.clone() for name, t in found.state.parts["model"].state_dict().items()}


def assert_close(found, expected):
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("log_every", [1, 100])
def test_the_gradient_of_several_batches_is_that_of_one_large_one(log_every):
    changes = DESCENT | {"batch_size": 3, "log_every": log_every}
    sampler = CropSampler(tiny_data(), 8, 3, seed=0)
    lr, hr = (
        torch.from_numpy(np.concatenate(arrays)).float() / 255
        for arrays in zip(sampler.batch(0), sampler.batch(1), strict=True)
    )
    model = Filter()
    F.l1_loss(model(lr), hr).backward()
    expected = {
        name: weight.detach() - 0.5 * weight.grad for name, weight in model.named_parameters()
    }
    assert_close(weights_after(accumulated(trainer(**changes), 2)), expected)


@pytest.mark.parametrize("batch_size", [2, 5])
@pytest.mark.parametrize("detail", [None, {"weighted": True}])
def test_a_step_that_is_observed_updates_like_one_that_is_not(batch_size, detail):
    changes = DESCENT | {"losses": LOSSES, "batch_size": batch_size, "detail": detail}
    observed = trainer(tiny_model(), log_every=1, **changes)
    plain = trainer(tiny_model(), log_every=100, **changes)
    before = {name: t.clone() for name, t in plain.state.parts["model"].state_dict().items()}
    expected = weights_after(plain)
    assert_close(weights_after(observed), expected)
    assert any(not torch.equal(before[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize("balance", ["fixed", "gradient_norm"])
def test_compiled_it_trains_as_it_does_without(monkeypatch, balance):
    # backward passes are traced and may reuse their graph's buffers, as in the default backend,
    # but no code is generated
    traced = functools.partial(torch.compile, backend="aot_eager")
    monkeypatch.setattr(torch, "compile", traced)
    losses = {"l1": 1.0, "mse": 1.0}
    # the second step's batch comes in halves: another size, for which it is traced anew
    changes = DESCENT | {"losses": losses, "balance": balance, "log_every": 2}
    expected = weights_after(trainer(tiny_model(), **changes), steps=2)
    found = weights_after(trainer(tiny_model(), compile=True, **changes), steps=2)
    assert_close(found, expected)


def test_what_balances_the_losses_is_trained_along():
    found = trainer(losses={"l1": 1.0, "mse": 1.0}, balance="uncertainty", batch_size=2)
    metrics = [found.train_step(0.0) for _ in range(3)][-1]
    state = found.state.parts["losses"].state_dict()
    assert state["balance.log_variances"].abs().min() > 0
    # both losses are below 1, and so is the variance that explains them
    assert metrics["weight_l1"] > 1
    assert metrics["weight_mse"] > 1
    assert found.state.parts["optimizer"].param_groups[1]["weight_decay"] == 0


def test_logged_losses_are_the_means_of_the_steps_since_the_last_entry():
    changes = {"losses": {"l1": 2.0, "mse": 3.0}, "batch_size": 2}
    each, seldom = (trainer(log_every=steps, **changes) for steps in (1, 3))
    entries = [each.train_step(0.0) for _ in range(3)]
    *others, last = [seldom.train_step(0.0) for _ in range(3)]
    assert others == [{}, {}]
    for name in ("loss", "loss_l1", "loss_mse"):
        mean = sum(entry[name] for entry in entries) / 3
        assert last[name] == pytest.approx(mean, rel=1e-4)
    expected = 2 * last["loss_l1"] + 3 * last["loss_mse"]
    assert last["loss"] == pytest.approx(expected, rel=1e-5)


def test_all_chips_of_a_step_are_named_where_its_loss_is_no_number():
    good = tiny_data(np.float32)
    hr = np.stack(list(good.hr))
    hr[:6] = np.nan
    data = TrainingData(ShardedArray([hr]), good.lr, good.train, good.validation, (0, 255))
    sampler = CropSampler(data, 8, 2, seed=0)
    chips = np.unique([sampler.chips(number) for number in range(4)])
    assert len(chips) > len(np.unique(sampler.chips(0)))
    found = accumulated(trainer(data=data, batch_size=2), 4)
    with pytest.raises(UserError, match="the loss is nan") as caught:
        found.train_step(0.0)
    assert f"batch from chips {', '.join(map(str, chips))})" in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("MPS backend out of memory (MPS allocated: 6 GB)"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError("Unable to allocate 8 GiB for an array"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_too_little_memory_says_what_to_lower(error):
    with pytest.raises(UserError, match="4 crops of 8 x 8") as caught:
        trainer(Failing(error)).train_step(0.0)
    assert caught.value.code == "training-out-of-memory"
    assert caught.value.__cause__ is error


def test_the_discriminators_update_can_want_memory_too(monkeypatch):
    def fail(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Adversary, "train_step", fail)
    with pytest.raises(UserError, match="do not fit into memory"):
        trainer(**GAN).train_step(0.0)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("The size of tensor a (8) must match the size of tensor b (9)"),
        NotImplementedError("the operator is not there on this device"),
        RecursionError("maximum recursion depth exceeded"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_other_errors_are_not_taken_for_too_little_memory(error):
    with pytest.raises(type(error)) as caught:
        trainer(Failing(error)).train_step(0.0)
    assert caught.value is error


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optimizer": {"path": "torch.optim.SDG"}}, "did you mean 'torch.optim.SGD'"),
        ({"optimizer": {"path": "torch.optim.LBFGS"}}, "cannot be used here"),
        ({"optimizer": {"arguments": {"beta": 1}}}, "did you mean 'betas'"),
        (
            {
                "losses": {"vgg16": 1.0},
                "perceptual": {"weights": "no/such/file.pth", "triples": [[0, 1, 0]]},
            },
            "no/such/file.pth",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused_before_the_first_step(changes, said):
    with pytest.raises(UserError) as caught:
        trainer(**changes)
    assert said in str(caught.value)


def test_weights_that_are_set_are_those_that_are_got():
    first, second = trainer(), trainer()
    first.take_steps(3)
    given = first.get_weights()
    assert any(not torch.equal(given[name], t) for name, t in second.get_weights().items())
    second.set_weights(given)
    found = second.get_weights()
    assert found.keys() == given.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in given.items())


def test_weights_that_were_got_do_not_change_with_the_training():
    found = trainer()
    before = found.get_weights()
    copies = {name: tensor.clone() for name, tensor in before.items()}
    found.take_steps(2)
    assert all(torch.equal(before[name], tensor) for name, tensor in copies.items())


def test_weights_of_another_network_are_refused():
    with pytest.raises(RuntimeError, match=r"exit\.weight"):
        trainer().set_weights({"entry.weight": torch.zeros(4, BANDS, 3, 3)})


def test_steps_one_by_one_are_the_steps_of_fit():
    changes = {"steps": 6, "log_every": 2, "validate_every": 100, "keep": "last"}
    model = tiny_model()
    result = tiny_fit(model=model, **changes)
    found = trainer(tiny_model(), **changes)
    entries = found.take_steps(4) + found.take_steps(2)
    expected = model.state_dict()
    assert all(torch.equal(t, expected[name]) for name, t in found.get_weights().items())
    found.validate()
    kept = found.state.best["state"]
    assert all(torch.equal(kept[name], tensor) for name, tensor in result.state.items())
    measured = [{k: v for k, v in e.items() if k != "validation_psnr"} for e in result.history]
    assert entries == measured[1:]
    assert found.crops_seen == 6 * 4


def test_a_grown_batch_counts_all_its_crops():
    found = accumulated(trainer(batch_size=2), 3)
    assert found.crops_seen == 0
    found.take_steps(2)
    assert found.crops_seen == 2 * 3 * 2


def test_steps_of_a_training_by_the_clock_have_no_schedule():
    with pytest.raises(ValueError, match="given in steps"):
        trainer(steps=None, minutes=1.0).take_steps(1)
