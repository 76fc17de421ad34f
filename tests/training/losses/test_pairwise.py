import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_training import tiny_parameters
from torchmetrics.functional.image import spectral_angle_mapper

from sen2naip_sr.training.losses import Setting, build_loss
from sen2naip_sr.training.losses.charbonnier import CHARBONNIER_EPSILON, charbonnier_loss
from sen2naip_sr.training.losses.fft import fourier_loss
from sen2naip_sr.training.losses.gradient import gradient_loss
from sen2naip_sr.training.losses.sam import ANGLE_EPSILON, spectral_angle_loss

SETTING = Setting(tiny_parameters(), bands=4, recipe=None)
LR = torch.empty(0)  # not used


def _pairwise(name):
    loss = build_loss(name, SETTING)
    return lambda prediction, truth: loss(prediction, truth, LR)


LOSSES = {
    name: _pairwise(name)
    for name in ("l1", "mse", "charbonnier", "ssim", "ms_ssim", "fft", "sam", "gradient")
}


def images(shape=(2, 4, 24, 20), seed=0, low=0.0):
    generator = torch.Generator().manual_seed(seed)
    return low + (1 - low) * torch.rand(shape, generator=generator)


def gradient_of(loss, prediction, truth):
    prediction = prediction.clone().requires_grad_()
    value = loss(prediction, truth)
    value.backward()
    return value.detach(), prediction.grad


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    "pair",
    [
        pytest.param((images(), images()), id="equal"),
        pytest.param((torch.zeros(2, 4, 24, 20),) * 2, id="both black"),
        pytest.param((torch.full((2, 4, 24, 20), 0.5),) * 2, id="both constant"),
        pytest.param((torch.zeros(2, 4, 24, 20), images()), id="black prediction"),
        pytest.param((images(), torch.zeros(2, 4, 24, 20)), id="black truth"),
        pytest.param((1 - images(), images()), id="negative"),
        pytest.param((-images(), images()), id="opposite"),
    ],
)
def test_values_and_gradients_are_finite(name, pair):
    value, gradient = gradient_of(LOSSES[name], *pair)
    assert value.isfinite()
    assert gradient.isfinite().all()
    assert gradient.norm() <= 1 / ANGLE_EPSILON / math.sqrt(2 * 24 * 20)


@pytest.mark.parametrize("name", LOSSES)
def test_no_loss_is_smaller_than_at_equality(name):
    truth = images()
    least = CHARBONNIER_EPSILON if name == "charbonnier" else 0.0
    at_truth, gradient = gradient_of(LOSSES[name], truth, truth)
    assert at_truth.item() == pytest.approx(least, abs=2e-6)
    assert gradient.norm() < 1e-5
    assert LOSSES[name](images(seed=1), truth) > at_truth


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_the_values(name):
    prediction, truth = images((1, 2, 12, 13)).double(), images((1, 2, 12, 13), seed=1).double()
    assert torch.autograd.gradcheck(
        lambda p: LOSSES[name](p, truth), (prediction.requires_grad_(),), fast_mode=True
    )


def test_charbonnier_by_numpy():
    prediction, truth = images(), images(seed=1)
    difference = (prediction - truth).double().numpy()
    expected = np.hypot(difference, 1e-3).mean()
    assert charbonnier_loss(prediction, truth).item() == pytest.approx(expected, rel=1e-6)


def test_spectral_angle_of_bright_images_by_torchmetrics():
    prediction, truth = images(low=0.2), images(seed=1, low=0.2)
    expected = spectral_angle_mapper(prediction, truth)
    assert spectral_angle_loss(prediction, truth).item() == pytest.approx(
        expected.item(), abs=4 * ANGLE_EPSILON**2
    )


@given(angle=st.floats(1e-4, math.pi / 2), brightness=st.floats(0.25, 1))
@settings(max_examples=30, deadline=None)
def test_spectral_angle_of_a_known_angle(angle, brightness):
    truth = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    turned = brightness * torch.tensor([math.cos(angle), math.sin(angle)]).view(1, 2, 1, 1)
    # the constant band adds at most the difference of the spectra's elevations
    elevation = ANGLE_EPSILON / brightness
    assert spectral_angle_loss(turned, truth).item() == pytest.approx(angle, abs=elevation)


def test_spectral_angle_of_black_pixels():
    black, white = torch.zeros(1, 4, 2, 2), torch.ones(1, 4, 2, 2)
    assert spectral_angle_loss(black, black).item() == 0
    right_angle = math.pi / 2
    assert spectral_angle_loss(black, white).item() == pytest.approx(right_angle, abs=1e-3)
    assert spectral_angle_loss(white, black).item() == pytest.approx(right_angle, abs=1e-3)


def test_fourier_loss_by_numpy():
    prediction, truth = images(), images(seed=1)
    spectra = np.fft.rfft2((prediction - truth).double().numpy(), norm="ortho")
    expected = (np.abs(spectra.real).mean() + np.abs(spectra.imag).mean()) / 2
    assert fourier_loss(prediction, truth).item() == pytest.approx(expected, rel=1e-5)


def test_the_fourier_loss_of_white_noise_does_not_depend_on_the_size():
    small, large = (
        fourier_loss(*(torch.randn(4, 4, size, size).unbind(0)[0] for _ in "pt"))
        for size in (64, 256)
    )
    assert small.item() == pytest.approx(large.item(), rel=0.05)


def test_gradient_loss_by_numpy():
    prediction, truth = images(), images(seed=1)
    difference = (prediction - truth).double().numpy()
    expected = sum(np.abs(np.diff(difference, axis=axis)).mean() for axis in (2, 3))
    assert gradient_loss(prediction, truth).item() == pytest.approx(expected, rel=1e-5)


def test_gradient_loss_sees_the_sign_of_an_edge_but_no_offset():
    edge = torch.zeros(1, 1, 8, 8)
    edge[..., 4:] = 1
    assert gradient_loss(edge + 0.25, edge).item() == 0
    assert gradient_loss(1 - edge, edge).item() == pytest.approx(2 / 7)
