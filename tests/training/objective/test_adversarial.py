import io
import math

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from pydantic import ValidationError

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.launch import make_fabric
from sen2naip_sr.training.objective.adversarial import Adversary
from sen2naip_sr.training.objective.adversarial_losses import LOSSES
from sen2naip_sr.training.parameters.losses import AdversarialParameters

NAMES = tuple(LOSSES)


def adversary(seed=0, fabric=None, **parameters):
    small = {"discriminator": "patch", "channels": 4, "ramp_steps": 0, "learning_rate": 1e-2}
    fabric = fabric or make_fabric("cpu", "32-true")
    return Adversary(AdversarialParameters(**(small | parameters)), 1, fabric, seed)


def images(seed, mean=0.5):
    generator = torch.Generator().manual_seed(seed)
    return mean + 0.1 * torch.randn(4, 1, 16, 16, generator=generator)


def train(found, first, steps):
    return [found.train_step(images(2 * s, 0.3), images(2 * s + 1), s) for s in range(first, steps)]


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, dict):
            assert_same(found[name], value)
        elif isinstance(value, torch.Tensor):
            assert torch.equal(found[name], value), name
        else:
            assert repr(found[name]) == repr(value), name


def reloaded(state):
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    return torch.load(stream, weights_only=True)


@pytest.mark.parametrize("loss", NAMES)
def test_a_learnable_offset_comes_to_the_mean_of_the_data(loss):
    rival = adversary(loss=loss, betas=(0.0, 0.9))
    offset = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.Adam([offset], 3e-2, betas=(0.0, 0.9))
    found = []
    for step in range(60):
        fake, real = images(2 * step, 0.3) + offset, images(2 * step + 1, 0.7)
        optimizer.zero_grad()
        rival.generator_term(fake, real).backward()
        optimizer.step()
        rival.train_step(fake, real, step)
        found.append(offset.item())
    # the two players circle around the solution: 0.7 - 0.3
    assert sum(found[20:]) / 40 == pytest.approx(0.4, abs=0.08)


@pytest.mark.parametrize(
    ("kind", "loss"), [("unet", "hinge"), ("unet", "relativistic"), *(("patch", n) for n in NAMES)]
)
def test_two_different_constants_are_soon_told_apart(kind, loss):
    rival = adversary(discriminator=kind, loss=loss, learning_rate=4e-3)
    dark, bright = torch.full((2, 1, 16, 16), 0.2), torch.full((2, 1, 16, 16), 0.8)
    figures = [rival.train_step(dark, bright, step) for step in range(25)]
    assert figures[-1]["discriminator_accuracy"] == 1
    assert figures[-1]["real_score"] > figures[-1]["fake_score"]
    assert figures[-1]["discriminator_loss"] < figures[0]["discriminator_loss"]


def test_penalty_holds_the_slope_near_one():
    rival = adversary(loss="wgan_gp", betas=(0.0, 0.9))
    figures = train(rival, 0, 40)
    first, last = (figures[k]["gradient_penalty"] for k in (0, -1))
    assert first > 0.5
    # how far it falls in 40 steps depends a little on the processor
    assert last < first / 3


def test_the_weight_rises_linearly_once_the_start_has_come():
    rival = adversary(start_step=10, ramp_steps=4)
    weights = [rival.weight(step) for step in (0, 9, 10, 11, 12, 13, 14, 500)]
    assert weights == [0, 0, 0, 0.25, 0.5, 0.75, 1, 1]
    assert [adversary(start_step=10).weight(step) for step in (9, 10)] == [0, 1]


def test_nothing_is_learnt_before_the_start():
    rival = adversary(start_step=2)
    before = reloaded(rival.state_dict())
    assert train(rival, 0, 2) == [{}, {}]
    assert_same(rival.state_dict(), before)
    assert train(rival, 2, 3)[0]["discriminator_loss"] > 0


@pytest.mark.parametrize("loss", NAMES)
def test_the_generators_term_leaves_the_discriminator_alone(loss):
    rival = adversary(loss=loss)
    train(rival, 0, 1)
    before = reloaded(rival.state_dict())
    gradients = [p.grad.clone() for p in rival._module.parameters()]
    prediction = images(0).requires_grad_()
    rival.generator_term(prediction, images(1)).backward()
    assert prediction.grad.abs().sum() > 0
    assert_same(rival.state_dict(), before)
    assert all(map(torch.equal, [p.grad for p in rival._module.parameters()], gradients))


def test_an_update_sends_no_gradient_to_the_prediction_and_has_a_norm():
    rival = adversary()
    prediction = images(0).requires_grad_()
    figures = rival.train_step(prediction, images(1), 0)
    gradients = torch.cat([p.grad.flatten() for p in rival._module.parameters()])
    assert prediction.grad is None
    assert figures["discriminator_gradient_l2"].item() == pytest.approx(gradients.norm().item())


def test_an_update_goes_on_with_the_power_iteration():
    rival = adversary()
    before = reloaded(rival.state_dict())["discriminator"]
    train(rival, 0, 1)
    after = rival.state_dict()["discriminator"]
    moved = {name: not torch.equal(before[name], after[name]) for name in after if "._" in name}
    assert len(moved) == 4 and all(moved.values())


def test_several_updates_a_step_move_the_discriminator_further():
    once, thrice = adversary(), adversary(discriminator_steps=3)
    losses = [rival.train_step(images(0, 0.3), images(1), 0) for rival in (once, thrice)]
    assert losses[1]["discriminator_loss"] < losses[0]["discriminator_loss"]
    steps = [r.state_dict()["optimizer"]["state"][0]["step"].item() for r in (once, thrice)]
    assert steps == [1, 3]


@pytest.mark.parametrize("kind", ["unet", "patch"])
@pytest.mark.parametrize("loss", ["relativistic", "wgan_gp"])
def test_goes_on_from_its_state_bit_for_bit(kind, loss):
    options = {"discriminator": kind, "loss": loss, "collapse_patience": 3}
    whole, first, second = (adversary(**options) for _ in range(3))
    for rival in (whole, first):
        rival.check(0, 30.0)
    train(whole, 0, 6)
    train(first, 0, 3)
    second.load_state_dict(reloaded(first.state_dict()))
    torch.manual_seed(12345)
    train(second, 3, 6)
    assert_same(second.state_dict(), whole.state_dict())
    names = whole.state_dict()["discriminator"]
    assert any(name.endswith("._u") for name in names) == (loss != "wgan_gp")


def test_seed_decides_the_weights_and_the_penalty_and_global_numbers_stay():
    torch.manual_seed(7)
    generator = torch.random.get_rng_state()
    rivals = [adversary(seed=seed, loss="wgan_gp") for seed in (1, 1, 2)]
    drawn = [rival.state_dict()["discriminator"]["entry.weight"].clone() for rival in rivals]
    assert torch.equal(drawn[1], drawn[0])
    assert not torch.equal(drawn[2], drawn[0])
    train(rivals[0], 0, 1)
    assert torch.equal(torch.random.get_rng_state(), generator)
    torch.manual_seed(8)
    train(rivals[1], 0, 1)
    assert_same(rivals[1].state_dict(), rivals[0].state_dict())


def test_its_weights_are_not_drawn_from_the_numbers_of_the_generator():
    torch.manual_seed(0)
    drawn = torch.nn.Conv2d(1, 4, 4).weight
    torch.manual_seed(0)
    own = adversary(seed=0).state_dict()["discriminator"]["entry.weight"]
    assert not torch.allclose(drawn, own)


@pytest.mark.parametrize("loss", NAMES)
def test_half_precision_gives_float32_terms_near_those_of_full_precision(loss):
    full, half = (
        adversary(loss=loss, fabric=make_fabric("cpu", precision))
        for precision in ("32-true", "bf16-mixed")
    )
    fake, real = images(0).requires_grad_(), images(1)
    terms = [rival.generator_term(fake, real) for rival in (full, half)]
    assert terms[1].dtype == torch.float32
    assert terms[1].item() == pytest.approx(terms[0].item(), abs=0.01)
    figures = [rival.train_step(fake, real, 0) for rival in (full, half)]
    assert {f.dtype for f in figures[1].values()} == {torch.float32}
    for name in ("discriminator_loss", "real_score"):
        assert figures[1][name].item() == pytest.approx(figures[0][name].item(), abs=0.05)


def test_a_gradient_scaler_is_taken_out_of_the_figures_and_the_update():
    scaled = Fabric(accelerator="cpu", plugins=MixedPrecision("16-mixed", "cpu"))
    full, half = adversary(loss="hinge"), adversary(loss="hinge", fabric=scaled)
    figures = [rival.train_step(images(0, 0.3), images(1), 0) for rival in (full, half)]
    norms = [f["discriminator_gradient_l2"].item() for f in figures]
    assert norms[1] == pytest.approx(norms[0], rel=0.02)
    weights = [rival.state_dict()["discriminator"]["exit.bias"] for rival in (full, half)]
    torch.testing.assert_close(*weights)


def perfect(steps, **parameters):
    rival = adversary(**parameters)
    for step in range(steps):
        rival.train_step(torch.zeros(2, 1, 16, 16), torch.ones(2, 1, 16, 16), step)
    return rival


def test_a_discriminator_that_stays_perfect_stops_the_training():
    rival = perfect(12, collapse_patience=5)
    with pytest.raises(UserError, match=r"step 12.*99 %.*5 steps.*\n.*learning rate"):
        rival.check(12)


@pytest.mark.parametrize(
    "parameters",
    [
        {"collapse_patience": 13},
        {"collapse_patience": None},
        {"collapse_patience": 5, "loss": "wgan_gp"},
        {"collapse_patience": 5, "ramp_steps": 9},
    ],
)
def test_a_perfect_discriminator_is_borne(parameters):
    rival = perfect(12, **parameters)
    rival.check(12)
    still = rival.train_step(torch.zeros(2, 1, 16, 16), torch.ones(2, 1, 16, 16), 0)
    assert still["discriminator_accuracy"] == 1


def test_a_discriminator_that_cannot_tell_is_borne():
    rival = adversary(collapse_patience=3)
    same = images(0)
    accuracies = [rival.train_step(same, same, s)["discriminator_accuracy"] for s in range(5)]
    rival.check(5)
    assert max(accuracies) <= 0.5


def test_a_loss_that_is_not_finite_stops_the_training():
    rival = adversary()
    rival.train_step(images(0) * math.nan, images(1), 0)
    with pytest.raises(UserError, match="step 1: the discriminator's loss is nan"):
        rival.check(1)


@pytest.mark.parametrize("fallen", [26.99, -math.inf, math.nan])
def test_a_fall_of_the_validation_psnr_stops_the_training(fallen):
    rival = adversary(collapse_drop_db=3)
    for step, psnr in ((0, 30.0), (10, 35.0), (20, 27.01)):
        rival.check(step, psnr)
    with pytest.raises(UserError, match=r"step 30.*fell to .* from 30\.00 dB"):
        rival.check(30, fallen)


def test_the_fall_is_counted_from_the_last_validation_up_to_the_start():
    rival = adversary(start_step=10)
    for step, psnr in ((0, 28.0), (10, 33.0), (20, 36.0)):
        rival.check(step, psnr)
    later = adversary(start_step=10)
    later.load_state_dict(reloaded(rival.state_dict()))
    with pytest.raises(UserError, match=r"from 33\.00 dB"):
        later.check(30, 29.9)


@pytest.mark.parametrize(
    "mistake",
    [{"loss": "least_squares"}, {"betas": (0, 1)}, {"discriminator_steps": 0}, {"channels": 0}],
)
def test_refuses_values_out_of_range(mistake):
    with pytest.raises(ValidationError, match=next(iter(mistake))):
        AdversarialParameters(**mistake)
