"""Test images and their scores, against numpy and the recipe itself."""

import numpy as np
import pytest
import torch

from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.inference.network import make_network
from sen2naip_sr.models.conditions import RECIPE_BLUR
from sen2naip_sr.models.interpolation import Interpolation
from sen2naip_sr.release.imagery.shipping.clean import clean_scores
from sen2naip_sr.release.imagery.shipping.degraded import Kind, middle, side_by_side
from sen2naip_sr.release.imagery.shipping.images import TestedPlace, Truth, parts_of
from sen2naip_sr.training.mixture.images import Image


def smooth(height, width, seed=0, dtype="uint8", most=255):
    coarse = torch.rand((1, 4, 8, 8), generator=torch.Generator().manual_seed(seed))
    fine = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
    return (fine[0].clamp(0, 1) * most).round().numpy().astype(dtype)


def test_large_images_are_cut_and_invalid_parts_left_out():
    values = smooth(300, 530)
    valid = np.ones((300, 530), bool)
    valid[:40, :40] = False
    parts = parts_of(Image(values, valid, (0, 255)))
    assert [part.values.shape for part in parts] == [(4, 288, 256)]
    np.testing.assert_array_equal(parts[0].values, values[:, :288, 256:512])


def test_coarser_pixels_are_means():
    truth = Truth(smooth(48, 70, dtype="uint16", most=3000), (0, 4095))
    expected = truth.values[:, :48, :64].reshape(4, 12, 4, 16, 4).mean((2, 4))
    found = truth.coarser(4).values
    assert found.dtype == np.uint16
    np.testing.assert_allclose(found, expected, atol=0.5)


def test_a_network_that_interpolates_gains_nothing():
    place = TestedPlace("here", "", (Truth(smooth(64, 64), (0, 255)),))
    network = make_network(Interpolation("lanczos"), bands=4, device="cpu")
    (clean,) = clean_scores({"mine": network}, place, [1])["mine"]
    assert clean.over_lanczos == 0
    assert clean.over_best <= 0
    assert clean.metrics == clean.lanczos
    lr = torch.from_numpy(place.truths[0].downscaled()[None]).float() / 255
    predicted = (Interpolation("lanczos")(lr) * 255).round().clamp(0, 255).numpy()
    error = (predicted - place.truths[0].values.astype(float))[..., 4:-4, 4:-4]
    assert clean.psnr == pytest.approx(10 * np.log10(255**2 / (error**2).mean()), abs=1e-3)


def test_the_recipe_is_the_first_kind_of_degradation():
    truth = Truth(smooth(64, 64), (0, 255))
    lr, told = Kind(("antialiased", 0.0), 0.0, None).observe(truth, 0)
    values = torch.from_numpy(truth.values)[None].float()
    expected = get_recipe("bicubic_antialiased").downscale(values, None).round().clamp(0, 255)
    np.testing.assert_array_equal(lr, expected[0].numpy())
    assert told.noise == (0, 0, 0, 0) and told.compression == 0
    assert told.blur[0] == pytest.approx((RECIPE_BLUR, RECIPE_BLUR), abs=2e-3)


@pytest.mark.parametrize(("dtype", "most", "share"), [("uint8", 255, 1), ("uint16", 10_000, 0.35)])
def test_noise_is_what_is_told(dtype, most, share):
    flat = Truth(np.full((4, 256, 256), most // 2, dtype), (0, most))
    lr, told = Kind(("area", 0.0), 5.0, None).observe(flat, 0)
    assert lr.dtype == dtype
    assert lr.std() / most == pytest.approx(told.noise[0], rel=0.02)
    assert told.noise[0] == pytest.approx(5 / 255 * share, rel=1e-6)


def test_compression_changes_what_is_left():
    truth = Truth(smooth(64, 64), (0, 255))
    plain, _ = Kind(("area", 0.0), 3.0, None).observe(truth, 1)
    lossy, told = Kind(("area", 0.0), 3.0, 75).observe(truth, 1)
    assert told.compression == 0.5
    assert 0 < np.abs(plain.astype(float) - lossy).mean() < 5


def test_the_middle_shows_the_same_ground():
    hr = np.arange(4 * 200 * 300).reshape(4, 200, 300)
    lr = hr[:, ::2, ::2]
    small, large = middle(lr, hr)
    assert small.shape == (4, 64, 64) and large.shape == (4, 128, 128)
    np.testing.assert_array_equal(large[:, ::2, ::2], small)


def test_images_side_by_side_keep_their_pixels():
    images = [smooth(8, 8, seed) for seed in range(5)]
    scene = side_by_side(images)
    assert scene.shape == (4, 8, 24)
    np.testing.assert_array_equal(scene[:, :, 8:16], images[1])
