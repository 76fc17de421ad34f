"""Blur and decimation as matrices, against torch's own filters."""

import math

import pytest
import torch
from torch.nn import functional as F

from sen2naip_sr.degradation.blur import (
    DECIMATIONS,
    blur_matrices,
    decimation_matrices,
    downscaled,
    widths,
)
from sen2naip_sr.models.conditions import RECIPE_BLUR

REFERENCES = {
    "antialiased": lambda hr: F.interpolate(hr, scale_factor=0.5, mode="bicubic", antialias=True),
    "area": lambda hr: F.avg_pool2d(hr, 2),
    "aliased": lambda hr: F.interpolate(hr, scale_factor=0.5, mode="bicubic"),
    "bilinear": lambda hr: F.interpolate(hr, scale_factor=0.5, mode="bilinear", antialias=True),
}


@pytest.mark.parametrize("name", DECIMATIONS)
def test_matrices_downscale_as_torch_does(name):
    hr = torch.rand(2, 3, 24, 36)
    k = DECIMATIONS.index(name)
    vertical, horizontal = decimation_matrices(24)[k], decimation_matrices(36)[k]
    torch.testing.assert_close(downscaled(hr, vertical, horizontal), REFERENCES[name](hr))


def test_rows_sum_to_one():
    blurred = decimation_matrices(32) @ blur_matrices(torch.tensor(1.3), 32)
    torch.testing.assert_close(blurred.sum(-1), torch.ones(4, 16))


def test_no_blur_is_the_identity():
    torch.testing.assert_close(blur_matrices(torch.tensor(0.0), 9), torch.eye(9))


@pytest.mark.parametrize("sigma", [0.6, 1.0, 2.0])
def test_blur_is_a_gaussian_of_that_width(sigma):
    row = blur_matrices(torch.tensor(sigma), 41)[20]
    offsets = torch.arange(41) - 20.0
    assert float((row * offsets**2).sum()) == pytest.approx(sigma**2, rel=0.03)


def test_width_of_the_recipe_is_the_one_that_networks_are_told():
    assert float(widths(decimation_matrices(64))[0]) == pytest.approx(RECIPE_BLUR, abs=1e-4)


def test_width_of_an_area_mean_is_that_of_its_transfer_function():
    # the mean of two pixels passes cos(pi / 4) at half of its own Nyquist frequency
    expected = math.sqrt(-2 * math.log(math.cos(math.pi / 4))) / math.pi
    assert float(widths(decimation_matrices(64))[1]) == pytest.approx(expected, rel=1e-4)


def test_widths_add_up_in_squares():
    sigma = 1.6  # HR pixels
    blurred = widths(decimation_matrices(64) @ blur_matrices(torch.tensor(sigma), 64))
    expected = torch.sqrt(widths(decimation_matrices(64)) ** 2 + (sigma / 2) ** 2)
    torch.testing.assert_close(blurred, expected, rtol=0.01, atol=0)
