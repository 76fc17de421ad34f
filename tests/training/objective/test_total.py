import itertools
from io import BytesIO

import pytest
import torch
from tiny_training import tiny_parameters
from torch import nn
from torch.nn import functional as F

from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.losses import Setting
from sen2naip_sr.training.objective.total import TotalLoss
from sen2naip_sr.training.parameters.losses import LOSSES

NAMES = (*LOSSES, "adversarial")
RECIPE = get_recipe("bicubic_antialiased")


def total_loss(weights, balance="fixed", bands=4, recipe=RECIPE):
    perceptual = {"weights": "random", "layers": {"relu1_2": 1.0, "relu2_2": 1.0}}
    training = tiny_parameters(losses=weights, balance=balance, perceptual=perceptual)
    return TotalLoss(Setting(training, bands, recipe))


def batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.rand(2, 4, 24, 24, generator=generator)
    prediction = truth + 0.1 * torch.rand(truth.shape, generator=generator)
    return prediction, truth, RECIPE.downscale(truth, None)


@pytest.fixture(scope="module")
def every_loss():
    return total_loss(dict.fromkeys(NAMES, 1.0))


def test_every_named_loss_is_there_and_the_adversarial_one_is_the_callers(every_loss):
    terms = every_loss.terms(*batch())
    assert terms.keys() == set(NAMES) - {"adversarial"}
    assert all(term.shape == () and term > 0 for term in terms.values())


def test_terms_are_not_weighted():
    terms = total_loss({"l1": 7.0, "mse": 0.1}).terms(*batch())
    prediction, truth, _ = batch()
    torch.testing.assert_close(
        terms, {"l1": F.l1_loss(prediction, truth), "mse": F.mse_loss(prediction, truth)}
    )


def test_the_total_is_the_weighted_sum():
    terms = {"l1": torch.tensor(2.0), "adversarial": torch.tensor(-3.0), "ssim": torch.tensor(5.0)}
    loss = total_loss({"l1": 1.0, "ssim": 0.5, "adversarial": 0.1})
    assert loss.total(terms).item() == pytest.approx(2 + 2.5 - 0.3)


@pytest.mark.parametrize("balance", ["fixed", "uncertainty", "gradient_norm"])
def test_the_order_of_losses_and_terms_does_not_matter(balance):
    weights = {"l1": 1.0, "mse": 0.3, "fft": 0.7}
    terms = {name: torch.rand((), generator=torch.Generator().manual_seed(3)) for name in weights}
    totals = set()
    for order in itertools.permutations(weights):
        loss = total_loss({name: weights[name] for name in order}, balance)
        totals |= {
            loss.total({n: terms[n] for n in other}).item() for other in (order, order[::-1])
        }
    assert len(totals) == 1


@pytest.mark.parametrize("names", [["l1"], ["l1", "mse", "fft"], ["l1", "fft"], []])
def test_missing_and_unknown_terms_are_refused(names):
    loss = total_loss({"l1": 1.0, "mse": 1.0})
    terms = {name: torch.tensor(1.0, requires_grad=True) for name in names}
    with pytest.raises(ValueError, match="expected l1, mse"):
        loss.total(terms)
    with pytest.raises(ValueError, match="expected l1, mse"):
        loss.rebalance(terms, torch.zeros(1))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_terms_are_computed_in_float32_under_autocast(every_loss, dtype):
    prediction, truth, lr = batch()
    prediction = prediction.to(dtype)
    expected = every_loss.terms(prediction.float(), truth, lr)
    with torch.autocast("cpu", dtype=dtype):
        terms = every_loss.terms(prediction, truth, lr)
    torch.testing.assert_close(terms, expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "adversarial"])
@pytest.mark.parametrize("value", [0.0, 0.5])
def test_gradients_at_equal_constant_images_are_finite(every_loss, name, value):
    prediction = torch.full((1, 4, 24, 24), value, requires_grad=True)
    lr = torch.full((1, 4, 12, 12), value)
    every_loss.terms(prediction, prediction.detach(), lr)[name].backward()
    assert prediction.grad.isfinite().all()


def convolution_and_loss(balance):
    torch.manual_seed(0)
    return nn.Conv2d(4, 4, 3, padding=1), total_loss({"l1": 1.0, "mse": 0.5, "sam": 0.1}, balance)


def train(network, loss, optimizer, steps):
    for step in steps:
        prediction, truth, lr = batch(step)
        terms = loss.terms(network(prediction), truth, lr)
        loss.rebalance(terms, network.weight)
        optimizer.zero_grad()
        loss.total(terms).backward()
        optimizer.step()


@pytest.mark.parametrize("balance", ["fixed", "uncertainty", "gradient_norm"])
def test_a_training_that_goes_on_from_its_state_is_the_same_bit_for_bit(balance):
    def parts():
        network, loss = convolution_and_loss(balance)
        weights = [*network.parameters(), *loss.parameters()]
        return network, loss, torch.optim.AdamW(weights, 0.01)

    whole, first, second = parts(), parts(), parts()
    train(*whole, range(6))
    train(*first, range(3))
    stream = BytesIO()
    torch.save([part.state_dict() for part in first], stream)
    stream.seek(0)
    for part, state in zip(second, torch.load(stream, weights_only=True), strict=True):
        part.load_state_dict(state)
    train(*second, range(3, 6))
    torch.testing.assert_close(second[0].state_dict(), whole[0].state_dict(), rtol=0, atol=0)
    assert second[1].current_weights() == whole[1].current_weights()
    changed = second[1].current_weights() != {"l1": 1.0, "mse": 0.5, "sam": pytest.approx(0.1)}
    assert changed == (balance != "fixed")


def test_rebalancing_brings_the_gradients_of_real_terms_to_their_shares():
    network, loss = convolution_and_loss("gradient_norm")
    prediction, truth, lr = batch()
    terms = loss.terms(network(prediction), truth, lr)
    for _ in range(150):
        loss.rebalance(terms, network.weight)
    weights = loss.current_weights()
    norms = {
        name: weights[name]
        * torch.autograd.grad(term, network.weight, retain_graph=True)[0].norm().item()
        for name, term in terms.items()
    }
    assert norms["mse"] / norms["l1"] == pytest.approx(0.5, rel=1e-2)
    assert norms["sam"] / norms["l1"] == pytest.approx(0.1, rel=1e-2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rebalancing_under_autocast_is_that_of_float32(dtype):
    def weights(enabled, scale):
        network, loss = convolution_and_loss("gradient_norm")
        prediction, truth, lr = batch()
        with torch.autocast("cpu", dtype=dtype, enabled=enabled):
            terms = loss.terms(network(prediction), truth, lr)
            # so short a gradient is 0 in float16 unless it is scaled
            terms["mse"] = terms["mse"] * 1e-6
            loss.rebalance(terms, network.weight, scale)
        return loss.current_weights()

    assert weights(True, 2.0**16) == pytest.approx(weights(False, 1.0), rel=1e-2)
    assert weights(False, 1.0)["mse"] > 0.6


@pytest.mark.parametrize("balance", ["fixed", "uncertainty"])
def test_rebalancing_does_nothing_to_other_weights(balance):
    network, loss = convolution_and_loss(balance)
    before = loss.current_weights()
    terms = loss.terms(network(batch()[0]), *batch()[1:])
    loss.rebalance(terms, network.weight)
    assert loss.current_weights() == before


def test_vgg16_is_neither_stored_nor_trained(every_loss):
    assert every_loss.state_dict() == {}
    assert list(every_loss.parameters()) == []


def test_sam_of_one_band_is_refused():
    with pytest.raises(UserError, match="'sam' is the angle between spectra"):
        total_loss({"sam": 1.0}, bands=1)


def test_consistency_needs_a_recipe():
    with pytest.raises(ValueError, match="needs the recipe"):
        total_loss({"consistency": 1.0}, recipe=None)
