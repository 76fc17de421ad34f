"""Noise, blur and compression of images in which they are known."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from degraded import degraded, landscapes, mosaic

from sen2naip_sr.inference.estimation.estimate import estimate_conditions
from sen2naip_sr.inference.estimation.jpeg import _log_likelihood
from sen2naip_sr.inference.estimation.regressor import WIDTHS
from sen2naip_sr.raster.arrays import ArrayScene

EIGHT_BITS = (0.0, 255.0)
NAIP = Path(__file__).parents[4] / "shared/data/naip"


@pytest.fixture(scope="module")
def hr():
    return landscapes()


def estimate(image, value_range=EIGHT_BITS, **options):
    return estimate_conditions(ArrayScene(image, **options), value_range)


def found(hr, value_range=EIGHT_BITS, **options):
    image, width = degraded(hr, **options)
    return estimate(mosaic(image)).conditions, width


def noise_of(conditions):
    return 255 * np.array(conditions.noise)


@pytest.mark.parametrize("level", [2.0, 4.0])
def test_noise_is_found(hr, level):
    conditions, _ = found(hr, noise=level)
    np.testing.assert_allclose(noise_of(conditions).mean(), level, rtol=0.15)
    np.testing.assert_allclose(noise_of(conditions), level, rtol=0.3)


def test_an_image_without_noise_has_hardly_any(hr):
    conditions, _ = found(hr)
    assert noise_of(conditions).max() < 0.5


def test_noise_differs_between_bands(hr):
    levels = np.array([1.5, 3.0, 5.0, 2.0])
    conditions, _ = found(hr, noise=levels)
    assert noise_of(conditions)[2] == pytest.approx(levels[2], rel=0.15)
    assert noise_of(conditions).argmax() == 2


@pytest.mark.parametrize("blur", [1.6, 2.0])
def test_blur_is_found(hr, blur):
    conditions, width = found(hr, blur=blur)
    np.testing.assert_allclose(conditions.blur, width, rtol=0.15)


def test_the_recipe_is_not_mistaken_for_another_blur(hr):
    conditions, width = found(hr)
    np.testing.assert_allclose(conditions.blur, width, rtol=0.25)


def test_probabilities_of_widths_add_up_and_agree_with_the_estimate(hr):
    image, _ = degraded(hr, blur=1.6)
    result = estimate(mosaic(image))
    np.testing.assert_allclose(result.shares.sum(-1), 1, rtol=1e-5)
    for axis, shares in enumerate(result.shares):
        below = sum(
            float(share)
            for width, share in zip(WIDTHS, shares, strict=True)
            if width < result.conditions.blur[0][axis]
        )
        assert below < 0.5


def test_an_image_that_is_already_upscaled_is_blurred(hr):
    image, _ = degraded(hr)
    tensor = torch.from_numpy(mosaic(image)).float()[None]
    upscaled = torch.nn.functional.interpolate(tensor, scale_factor=2, mode="bicubic")
    conditions = estimate(upscaled[0].round().clamp(0, 255).byte().numpy()).conditions
    assert np.min(conditions.blur) > 0.6


@pytest.mark.parametrize("quality", [95, 90, 75])
@pytest.mark.parametrize("colour", [False, True])
def test_compression_is_found(hr, quality, colour):
    conditions, _ = found(hr, quality=quality, colour=colour)
    assert 100 - 50 * conditions.compression == pytest.approx(quality, abs=1)


def test_the_block_grid_may_begin_anywhere(hr):
    image, _ = degraded(hr, quality=85)
    conditions = estimate(mosaic(image)[:, 3:, 6:]).conditions
    assert 100 - 50 * conditions.compression == pytest.approx(85, abs=1)


def test_a_strong_edge_on_even_ground_leaves_the_likelihood_finite():
    coefficients = torch.zeros(1, 1, 4, 63)
    coefficients[0, 0, 0] = 500
    scale = torch.full((1, 1, 1, 63), 0.1)
    assert _log_likelihood(coefficients, scale).isfinite().all()


def test_no_compression_is_found_where_there_is_none(hr):
    for options in ({}, {"noise": 3.0}, {"blur": 1.6}):
        assert found(hr, **options)[0].compression == 0


def test_12_bits_in_16_are_the_same_image(hr):
    image, _ = degraded(hr, noise=3.0)
    deep = mosaic(image).astype("uint16") * 16
    conditions = estimate(deep, (0.0, 255.0 * 16)).conditions
    np.testing.assert_allclose(noise_of(conditions).mean(), 3.0, rtol=0.15)
    assert conditions.compression == 0


def test_nodata_is_left_out(hr):
    image, _ = degraded(hr, noise=3.0)
    image = mosaic(image).clip(1)
    image[:, :90, :60] = 0
    conditions = estimate(image, nodata=0).conditions
    np.testing.assert_allclose(noise_of(conditions).mean(), 3.0, rtol=0.15)


def test_saturated_windows_are_left_out(hr):
    image, _ = degraded(hr, noise=3.0)
    image = mosaic(image)
    image[:, 10:120, 10:120] = 255
    conditions = estimate(image).conditions
    np.testing.assert_allclose(noise_of(conditions).mean(), 3.0, rtol=0.15)


def test_any_number_of_bands(hr):
    image, _ = degraded(hr, noise=3.0)
    for bands in (1, 3):
        conditions = estimate(mosaic(image)[:bands]).conditions
        assert len(conditions.noise) == bands
        np.testing.assert_allclose(noise_of(conditions), 3.0, rtol=0.3)


FLAT = np.full((4, 200, 200), 90, "uint8")
SPECKLED = np.random.default_rng(0).integers(1, 255, (4, 200, 200), "uint8")
SPECKLED[:, ::50, ::50] = 0


@pytest.mark.parametrize(
    ("image", "options", "problem"),
    [
        (FLAT, {}, "every part of it is flat"),
        (np.full((4, 200, 200), 255, "uint8"), {}, "every part of it is saturated"),
        (SPECKLED[:, :63], {}, "it has fewer than 64 rows or columns"),
        (np.zeros((4, 200, 200), "uint8"), {"nodata": 0}, "every part of it has nodata"),
        (SPECKLED, {"nodata": 0}, "every part of it has nodata"),
        (np.dstack((SPECKLED, FLAT)), {"nodata": 0}, "every part of it has nodata or is flat"),
    ],
)
def test_it_says_what_it_cannot_estimate(image, options, problem):
    result = estimate(image, **options)
    assert result.conditions is None
    assert result.problem == problem


def test_a_band_without_content_spoils_nothing(hr):
    image, _ = degraded(hr, noise=3.0, quality=90)
    image = mosaic(image)
    image[3] = 7
    result = estimate(image)
    assert np.isfinite(noise_of(result.conditions)).all()
    assert result.shares.isfinite().all()
    assert 100 - 50 * result.conditions.compression == pytest.approx(90, abs=1)


def test_equal_scenes_have_equal_estimates(hr):
    image, _ = degraded(hr, noise=1.0)
    first, second = (estimate(mosaic(image)) for _ in range(2))
    assert first.conditions == second.conditions
    assert torch.equal(first.shares, second.shares)


@pytest.mark.skipif(not NAIP.is_dir(), reason="no NAIP imagery here")
@pytest.mark.parametrize("place", ["ca-santa-monica-2020", "ca-central-valley"])
def test_noise_of_real_imagery(place):
    for file in sorted((NAIP / place).glob("*.tif"))[:4]:
        with rasterio.open(file) as source:
            chip = torch.from_numpy(source.read()).float()[None]
        image, _ = degraded(chip, noise=3.0)
        conditions = estimate(image[0]).conditions
        np.testing.assert_allclose(np.mean(noise_of(conditions)), 3.0, rtol=0.15)
