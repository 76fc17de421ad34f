import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.chips.lr_store import Downscaling, downscale_valid
from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.chips.store import read_store, require_store, write_store
from sen2naip_sr.chips.validity import Validity
from sen2naip_sr.degradation import RECIPES
from sen2naip_sr.degradation.validity import downscaled_validity, scored_pixels
from sen2naip_sr.raster.filling import fill_digital

few = settings(deadline=None, max_examples=30)
recipes = pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))


@recipes
def test_the_reach_of_a_recipe_is_what_its_pixels_depend_on(recipe):
    # far from the borders, where what a recipe needs is folded back into the image
    hr = torch.rand(1, 1, 40, 40, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(recipe.downscale(hr, None)[0, 0, 10, 10], hr)
    rows = np.flatnonzero(gradient[0, 0].abs().amax(dim=1).numpy())
    assert (rows.min(), rows.max()) == (20 - recipe.reach, 21 + recipe.reach)


@recipes
@few
@given(seed=st.integers(0, 9999), share=st.sampled_from([0.001, 0.01, 0.1, 0.5]))
def test_valid_lr_pixels_see_no_invalid_hr_pixel(recipe, seed, share):
    random = np.random.default_rng(seed)
    hr = random.integers(0, 2000, (2, 32, 32)).astype(np.float32)
    valid = random.random(hr.shape) >= share
    kept = downscaled_validity(valid, recipe)
    other = np.where(valid, hr, random.uniform(-9999, 9999, hr.shape).astype(np.float32))
    linear = [
        recipe.downscale(torch.from_numpy(image[None].astype(np.float64)), None)[0].numpy()
        for image in (hr, other)
    ]
    np.testing.assert_allclose(linear[0][kept], linear[1][kept], atol=1e-7)


@recipes
@few
@given(
    seed=st.integers(0, 9999),
    dtype=st.sampled_from(["uint8", "uint16", "int16", "float32"]),
    share=st.sampled_from([0.003, 0.05, 0.4]),
)
def test_lr_depends_on_valid_pixels_alone_and_stays_between_them(recipe, seed, dtype, share):
    random = np.random.default_rng(seed)
    hr = random.integers(50, 100, (2, 24, 24)).astype(dtype)
    valid = random.random(hr.shape) >= share
    valid[:, 0, 0] = True
    other = np.where(valid, hr, random.integers(0, 127, hr.shape).astype(dtype))
    (lr, kept), (again, same) = (
        downscale_valid(fill_digital(image, valid), valid, recipe, 7) for image in (hr, other)
    )
    np.testing.assert_array_equal(lr, again)
    np.testing.assert_array_equal(kept, same)
    assert np.isfinite(lr).all()
    if kept.any():
        assert lr.min() == lr[kept].min()
        assert lr.max() == lr[kept].max()


def store_of(folder, chips, masks):
    with write_store(folder, "made", chips.shape[1:], chips.dtype, 2) as writer:
        for chip, valid in zip(chips, masks, strict=True):
            writer.append(chip, valid)
        writer.content = "content"
    return require_store(folder)


@few
@given(seed=st.integers(0, 9999))
def test_a_store_keeps_which_pixels_are_valid(tmp_path_factory, seed):
    random = np.random.default_rng(seed)
    chips = random.integers(0, 255, (7, 2, 8, 8)).astype(np.uint8)
    masks = [None if random.random() < 0.5 else random.random((2, 8, 8)) < 0.7 for _ in chips]
    store = store_of(tmp_path_factory.mktemp("store") / "hr", chips, masks)
    if all(valid is None for valid in masks):
        assert store.validity is None
        return
    full = np.stack([np.ones((2, 8, 8), bool) if valid is None else valid for valid in masks])
    for chip, valid in enumerate(masks):
        found = store.validity[chip]
        assert (found is None) == (valid is None)
        np.testing.assert_array_equal(full[chip], True if found is None else found)
    at, rows, columns = (random.integers(0, top, 20) for top in (7, 5, 5))
    crops = store.validity.crops(at, rows, columns, 4)
    expected = ShardedArray.from_array(full).crops(at, rows, columns, 4)
    np.testing.assert_array_equal(expected, True if crops is None else crops)


def test_a_store_without_its_masks_is_incomplete(tmp_path):
    chips, valid = np.zeros((2, 1, 4, 4), np.uint8), np.zeros((1, 4, 4), bool)
    store = store_of(tmp_path / "hr", chips, [None, valid])
    assert store.manifest.masks == ["valid_00000.npy"]
    (tmp_path / "hr" / "masked.npy").unlink()
    assert read_store(tmp_path / "hr") is None


def test_the_lr_store_marks_what_invalid_pixels_touch(tmp_path):
    random = np.random.default_rng(0)
    chips = random.integers(1, 255, (5, 2, 16, 16)).astype(np.uint8)
    valid = np.ones((2, 16, 16), bool)
    valid[1, 7, 7] = False
    hr = store_of(tmp_path / "hr", chips, [None] * 4 + [valid])
    Downscaling(hr, "area").make(tmp_path / "lr")
    lr = require_store(tmp_path / "lr")
    assert lr.validity.numbers.tolist() == [4]
    assert np.argwhere(~lr.validity[4]).tolist() == [[1, 3, 3]]
    around = lr.chips[4][1, 2:5, 2:5].astype(float)
    assert abs(around[1, 1] - (around.sum() - around[1, 1]) / 8) <= 0.5


def test_pixels_count_that_are_valid_in_both_images():
    hr, lr = np.ones((1, 4, 4), bool), np.ones((1, 2, 2), bool)
    hr[0, 0, 3] = lr[0, 1, 0] = False
    both = scored_pixels(hr, lr)
    assert np.argwhere(~both).tolist() == [[0, 0, 3], [0, 2, 0], [0, 2, 1], [0, 3, 0], [0, 3, 1]]
    assert scored_pixels(None, None) is None
    assert scored_pixels(hr, None) is hr


def test_crops_of_whole_chips_need_no_mask():
    validity = Validity(np.array([3]), ShardedArray.from_array(np.zeros((1, 1, 4, 4), bool)))
    one = np.array([0])
    assert validity.crops(np.array([2]), one, one, 2) is None
    assert not validity.crops(np.array([3]), one, one, 2).any()
