from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.landscape.generator import STYLES, landscape, vary

BY_NAME = {style.name: style for style in STYLES}
styles = pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)


def covered(cover, **changes):
    """A style without streets, all of one land cover, in neutral light."""
    plain = replace(BY_NAME["suburb"], covers=((cover, 1),), streets=(0,), haze=0.0)
    return replace(plain, **changes)


def ndvi(chip):
    red, nir = chip[0].astype(float), chip[3].astype(float)
    return (nir - red) / np.maximum(nir + red, 1)


def round_trip_psnr(chip):
    high = torch.from_numpy(chip).float()[None]
    low = F.interpolate(high, scale_factor=0.5, mode="bicubic", antialias=True)
    low = low.round().clamp(0, 255)
    back = F.interpolate(low, scale_factor=2, mode="bicubic").round().clamp(0, 255)
    error = (back - high)[..., 4:-4, 4:-4].square().mean()
    return 10 * torch.log10(255**2 / error).item()


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**40), st.sampled_from(STYLES), st.integers(16, 70))
def test_every_seed_style_and_size_gives_a_picture_of_four_bands(seed, style, size):
    chip = landscape(seed, vary(style, seed), size)
    assert chip.shape == (4, size, size)
    assert chip.dtype == np.uint8
    assert (chip.std(axis=(1, 2)) > 0.5).all()


@styles
def test_a_landscape_is_fixed_by_its_seed(style):
    first = landscape((3, 1), style, 64)
    np.testing.assert_array_equal(landscape((3, 1), style, 64), first)
    assert (landscape((3, 2), style, 64) != first).mean() > 0.5


def test_places_of_a_style_differ_in_light_sensor_and_scale():
    style = BY_NAME["town"]
    assert vary(style, 5) == vary(style, 5)
    one, other = vary(style, 5), vary(style, 6)
    for changed in ("sun", "elevation", "gain", "blur", "heading", "pixels_per_metre"):
        assert getattr(one, changed) != getattr(other, changed)
    assert one.covers == style.covers


def test_vegetation_is_green_and_bright_in_the_near_infrared():
    chip = landscape(0, covered("wood"), 128)
    assert np.median(ndvi(chip)) > 0.3
    assert np.quantile(ndvi(chip), 0.99) < 0.85
    assert chip[1].mean() > max(chip[0].mean(), chip[2].mean())


def test_soil_rises_with_wavelength_and_has_a_low_ndvi():
    blue, green, red, nir = landscape(0, covered("open_ground", ground=(("soil", 1),)), 128)[
        [2, 1, 0, 3]
    ].mean(axis=(1, 2))
    assert blue < green < red < nir < 1.35 * red


def test_water_is_dark_and_darkest_in_the_near_infrared():
    chip = landscape(0, replace(BY_NAME["coast"], shore=3.0, haze=0.0), 64)
    assert chip.max() < 100
    assert chip[3].mean() < 30
    assert chip[3].mean() < chip[:3].mean(axis=(1, 2)).min()
    assert ndvi(chip).mean() < -0.2


@styles
def test_interpolation_loses_detail_of_every_style(style):
    chips = [landscape((1, seed), vary(style, seed), 128) for seed in range(2)]
    mean = np.mean([round_trip_psnr(chip) for chip in chips])
    assert 22 < mean < 36


def test_the_power_spectrum_falls_as_that_of_natural_images():
    slopes = []
    for style in STYLES:
        picture = landscape(2, vary(style, 2), 128).mean(axis=0)
        window = np.hanning(128)[:, None] * np.hanning(128)
        power = np.abs(np.fft.fft2((picture - picture.mean()) * window)) ** 2
        frequency = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128))
        bands = np.geomspace(0.02, 0.2, 8)
        rings = [(frequency >= a) & (frequency < b) for a, b in pairwise(bands)]
        means = [power[ring].mean() for ring in rings]
        slopes.append(np.polyfit(np.log(np.sqrt(bands[:-1] * bands[1:])), np.log(means), 1)[0])
    assert -2.7 < np.mean(slopes) < -1.3
