import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.degradation import RECIPES
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.consistency import Consistency

every_recipe = pytest.mark.parametrize("recipe", list(RECIPES.values()), ids=list(RECIPES))
sizes = st.integers(2, 24)


def downscale(recipe, image):
    """Apply the recipe itself, without what is random, in float64."""
    planes = torch.from_numpy(np.asarray(image, np.float64))[None]
    return recipe.downscale(planes, None)[0].numpy()


def drawn(seed, height, width, highest=255, bands=2):
    """Return an unrelated prediction and LR image, digital numbers."""
    random = np.random.default_rng(seed)
    prediction = random.uniform(0, highest, (bands, 2 * height, 2 * width))
    return prediction, random.integers(0, highest, (bands, height, width), endpoint=True)


@every_recipe
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), height=sizes, width=sizes)
def test_the_projection_downscales_to_the_input(recipe, seed, height, width):
    prediction, lr = drawn(seed, height, width)
    projected = Consistency(recipe)(prediction, lr)
    np.testing.assert_allclose(downscale(recipe, projected), lr, atol=1e-9)


@every_recipe
def test_it_is_the_nearest_image_that_does(recipe):
    height, width = 5, 4
    prediction, lr = drawn(0, height, width, bands=1)
    pixels = np.eye(4 * height * width).reshape(-1, 2 * height, 2 * width)
    dense = downscale(recipe, pixels).reshape(4 * height * width, -1).T
    residual = lr.ravel() - dense @ prediction.ravel()
    nearest = prediction.ravel() + np.linalg.pinv(dense) @ residual
    found = Consistency(recipe)(prediction, lr)
    np.testing.assert_allclose(found.ravel(), nearest, atol=1e-9)


@every_recipe
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), height=sizes, width=sizes)
def test_it_brings_the_truth_no_farther(recipe, seed, height, width):
    truth, prediction = (drawn(s, height, width)[0] for s in (seed, seed + 1))
    projected = Consistency(recipe)(prediction, downscale(recipe, truth))
    assert np.linalg.norm(projected - truth) <= np.linalg.norm(prediction - truth)


@every_recipe
def test_a_second_projection_changes_nothing(recipe):
    prediction, lr = drawn(0, 21, 30)
    once = Consistency(recipe)(prediction, lr)
    np.testing.assert_allclose(Consistency(recipe)(once, lr), once, atol=1e-9)


@every_recipe
def test_16_bits_agree_before_and_after_rounding(recipe):
    prediction, lr = drawn(0, 40, 50, highest=65_535)
    projected = Consistency(recipe)(prediction.astype(np.float32), lr.astype(np.uint16))
    assert projected.dtype == np.float64
    assert np.abs(downscale(recipe, projected) - lr).max() < 0.001
    assert np.abs(downscale(recipe, np.rint(projected)) - lr).max() < 1


@every_recipe
@pytest.mark.parametrize("core", [16, 37])
def test_tiles_with_the_halo_give_what_the_whole_gives(recipe, core):
    height, width = 60, 75
    prediction, lr = drawn(0, height, width)
    consistency = Consistency(recipe)
    whole = consistency(prediction, lr)
    tiled = np.full_like(whole, np.nan)
    for top in range(0, height, core):
        for left in range(0, width, core):
            inner, outer = window(top, left, core, 0), window(top, left, core, consistency.halo)
            tile = consistency(prediction[double(outer)], lr[outer])
            offset = tuple(a.start - b.start for a, b in zip(inner[1:], outer[1:], strict=True))
            part = tile[:, 2 * offset[0] :, 2 * offset[1] :][:, : 2 * core, : 2 * core]
            tiled[double(inner)] = part[
                :, : 2 * (min(top + core, height) - top), : 2 * (min(left + core, width) - left)
            ]
    np.testing.assert_allclose(tiled, whole, atol=255e-7)


def window(top, left, core, halo):
    """Return the core with a halo that ends where the scene begins; slices stop at its end."""
    return (
        slice(None),
        slice(max(top - halo, 0), top + core + halo),
        slice(max(left - halo, 0), left + core + halo),
    )


def double(window):
    return tuple(s if s.start is None else slice(2 * s.start, 2 * s.stop) for s in window)


def test_halos_are_no_larger_than_needed():
    assert {name: Consistency(recipe).halo for name, recipe in RECIPES.items()} == {
        "bicubic_antialiased": 15,
        "area": 0,
        "bicubic_aliased": 9,
        "blur_noise": 16,
    }


@every_recipe
def test_images_of_different_length_share_no_edge(recipe):
    for size in (2, 16, 17, 18, 33, 90):
        prediction, lr = drawn(0, size, 3)
        projected = Consistency(recipe)(prediction, lr)
        np.testing.assert_allclose(downscale(recipe, projected), lr, atol=1e-9)


def test_area_adds_the_residual_to_each_of_the_four_pixels():
    prediction, lr = drawn(0, 6, 7)
    mean = prediction.reshape(2, 6, 2, 7, 2).mean(axis=(2, 4))
    expected = prediction + np.repeat(np.repeat(lr - mean, 2, 1), 2, 2)
    np.testing.assert_allclose(Consistency(RECIPES["area"])(prediction, lr), expected)


@pytest.mark.parametrize("name", ["bicubic_antialiased", "area", "bicubic_aliased"])
def test_a_single_pixel_can_be_projected(name):
    prediction, lr = drawn(0, 1, 1)
    projected = Consistency(RECIPES[name])(prediction, lr)
    np.testing.assert_allclose(downscale(RECIPES[name], projected), lr, atol=1e-9)


def test_images_too_small_for_the_recipe_are_named():
    with pytest.raises(UserError, match="2 pixels high or wide"):
        Consistency(RECIPES["blur_noise"])(*drawn(0, 1, 8))


@pytest.mark.parametrize("spoilt", [0, 1])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(spoilt, value):
    images = [image.astype(float) for image in drawn(0, 8, 8)]
    images[spoilt][0, 3, 3] = value
    with pytest.raises(ValueError, match="fill pixels"):
        Consistency(RECIPES["bicubic_antialiased"])(*images)


def test_the_inputs_stay_as_they_are():
    prediction, lr = drawn(0, 8, 9)
    before = prediction.copy(), lr.copy()
    Consistency(RECIPES["bicubic_antialiased"])(prediction, lr)
    np.testing.assert_array_equal(prediction, before[0])
    np.testing.assert_array_equal(lr, before[1])


def test_another_recipe_of_the_same_name_is_another_projection():
    blurred = RECIPES["blur_noise"]
    swapped = dataclasses.replace(RECIPES["area"], name=blurred.name, version=blurred.version)
    assert Consistency(swapped).halo == 0
    assert Consistency(blurred).halo > 0
