import math

import pytest
import torch
from tiny_training import BANDS, GAN, tiny_data, tiny_parameters

from sen2naip_sr.training.launch import make_fabric
from sen2naip_sr.training.objective.objective import Crops, Objective

LOSSES = ("l1", "mse", "charbonnier", "ssim", "fft", "sam", "gradient", "consistency")


def objective(**changes):
    return Objective(tiny_parameters(**changes), tiny_data(), make_fabric("cpu", "32-true"))


def images(count=3, weights=None):
    """A prediction and the crops that it is compared with."""
    generator = torch.Generator().manual_seed(0)
    hr, error = torch.rand(2, count, BANDS, 16, 16, generator=generator)
    lr = torch.rand(count, BANDS, 8, 8, generator=generator)
    return (hr + 0.3 * error).clamp(0, 1).requires_grad_(), Crops(lr, hr, weights)


def evaluated(found, prediction, crops, step=0):
    return found(prediction, crops, step, None)


def test_the_sum_is_that_of_the_weighted_losses():
    weights = {name: 0.5 + number for number, name in enumerate(LOSSES)}
    total, logged = evaluated(objective(losses=weights), *images())
    assert set(logged) == {"loss", *(f"loss_{name}" for name in LOSSES)}
    expected = sum(weight * logged[f"loss_{name}"] for name, weight in weights.items())
    assert logged["loss"] == pytest.approx(expected, rel=1e-5)
    assert total.item() == logged["loss"]


def test_a_single_loss_is_logged_once():
    prediction, crops = images()
    _, logged = evaluated(objective(losses={"l1": 2.0}), prediction, crops)
    assert list(logged) == ["loss"]
    assert logged["loss"] == pytest.approx(2 * (prediction - crops.hr).abs().mean().item())


@pytest.mark.parametrize("balance", ["fixed", "uncertainty", "gradient_norm"])
def test_what_is_trained_beside_the_network(balance):
    losses = {"l1": 1.0, "vgg16": 1.0}
    perceptual = {"weights": "random", "triples": [[0, 1, 0]]}
    found = objective(losses=losses, perceptual=perceptual, balance=balance)
    sizes = [parameter.numel() for parameter in found.parameters]
    assert sizes == ([2] if balance == "uncertainty" else [])


@pytest.mark.parametrize(
    "losses", [dict.fromkeys(LOSSES, 1.0), {"l1": 1.0, "adversarial": 1.0}], ids=["paired", "gan"]
)
def test_weights_of_one_change_nothing(losses):
    # hinge scores each image by itself; the relativistic loss compares it with its batch
    changes = {"losses": losses, "adversarial": GAN["adversarial"] | {"loss": "hinge"}}
    found = objective(**changes)
    (plain, gradient), (weighted, again) = (
        (logged, torch.autograd.grad(total, prediction)[0])
        for prediction, crops in (images(), images(weights=torch.ones(3)))
        for total, logged in [evaluated(found, prediction, crops, step=1)]
    )
    assert weighted == pytest.approx(plain, rel=1e-5)
    torch.testing.assert_close(again, gradient, rtol=1e-4, atol=1e-7)


def test_weights_multiply_each_crops_own_losses():
    weights = torch.tensor([0.5, 3.0, 1.5])
    prediction, crops = images(weights=weights)
    _, logged = evaluated(objective(losses={"l1": 1.0, "mse": 2.0}), prediction, crops)
    error = prediction.detach() - crops.hr
    l1 = sum(w * e.abs().mean() for w, e in zip(weights, error, strict=True)) / 3
    mse = sum(w * e.square().mean() for w, e in zip(weights, error, strict=True)) / 3
    expected = {"loss": l1 + 2 * mse, "loss_l1": l1, "loss_mse": mse}
    assert logged == pytest.approx({name: value.item() for name, value in expected.items()})


def test_the_adversarial_loss_is_ramped_in_the_sum_and_logged_whole():
    found = objective(**GAN)
    prediction, crops = images()
    shares = []
    for step in range(4):
        _, logged = evaluated(found, prediction, crops, step)
        weighted = 0.1 * logged["loss_adversarial"]
        shares.append((logged["loss"] - logged["loss_l1"]) / weighted)
    assert shares == pytest.approx([0, 0.5, 1, 1], abs=1e-4)


def test_balancing_sees_the_adversarial_loss_without_its_ramp():
    found = objective(**GAN, balance="gradient_norm")
    prediction, crops = images()
    before = found.weights()
    found(prediction, crops, 0, prediction)
    after = found.weights()
    assert after != before
    assert all(math.isfinite(weight) and weight > 0 for weight in after.values())
    assert sum(after.values()) == pytest.approx(sum(before.values()), rel=1e-5)


def test_weights_adapt_only_when_they_are_asked_to():
    found = objective(losses={"l1": 1.0, "mse": 1.0}, balance="gradient_norm")
    before = found.weights()
    evaluated(found, *images())
    assert found.weights() == before
    assert objective(losses={"l1": 1.0, "mse": 1.0}).weights() == {}


@pytest.mark.parametrize("loss", [*LOSSES, "adversarial"])
@pytest.mark.parametrize("rubbish", [0.0, 7.0, -1e6])
def test_pixels_that_do_not_count_give_no_gradient_and_no_loss(loss, rubbish):
    found = objective(losses={"l1": 1e-9, loss: 1.0}, adversarial=GAN["adversarial"])
    prediction, plain = images()
    scored = torch.rand(plain.hr.shape, generator=torch.Generator().manual_seed(1)) > 0.2
    lr_valid = torch.nn.functional.avg_pool2d(scored.float(), 2) == 1
    crops = Crops(plain.lr, plain.hr, None, None, lr_valid, scored)
    total, _ = evaluated(found, prediction, crops, step=5)
    (gradient,) = torch.autograd.grad(total, prediction)
    assert (gradient[~scored] == 0).all()
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0
    spoilt = prediction.detach().where(scored, rubbish)
    lr = plain.lr.where(lr_valid, rubbish)
    again, _ = evaluated(found, spoilt, Crops(lr, plain.hr, None, None, lr_valid, scored), step=5)
    assert again.item() == total.item()


@pytest.mark.parametrize("loss", ["l1", "mse", "charbonnier"])
def test_pixels_that_count_weigh_as_much_as_in_whole_crops(loss):
    found = objective(losses={loss: 1.0})
    prediction, plain = images()
    scored = torch.rand(plain.hr.shape, generator=torch.Generator().manual_seed(1)) > 0.2
    crops = Crops(plain.lr, plain.hr, None, None, None, scored)
    whole, masked = (
        torch.autograd.grad(evaluated(found, prediction, part)[0], prediction)[0]
        for part in (plain, crops)
    )
    torch.testing.assert_close(masked[scored], whole[scored], rtol=0, atol=0)
