import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from sen2naip_sr.degradation import RECIPES, SCALE, get_recipe, quantise
from sen2naip_sr.errors import UserError

DETERMINISTIC = [name for name in RECIPES if name != "blur_noise"]


def images(count=3, seed=0, size=32):
    return torch.rand((count, 4, size, size), generator=torch.Generator().manual_seed(seed)) * 255


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_halves_both_sides(name):
    hr = torch.rand(2, 4, 24, 40)
    assert get_recipe(name).downscale(hr, 0).shape == (2, 4, 12, 20)
    assert SCALE == 2


@pytest.mark.parametrize("name", DETERMINISTIC)
@pytest.mark.parametrize("value", [0.0, 1.0, 117.0, 10000.0])
def test_a_constant_image_stays_constant(name, value):
    lr = get_recipe(name).downscale(torch.full((1, 4, 16, 16), value), 0)
    torch.testing.assert_close(lr, torch.full((1, 4, 8, 8), value))


@pytest.mark.parametrize("name", RECIPES)
def test_the_mean_is_kept_roughly(name):
    hr = F.avg_pool2d(images(size=130), 3, stride=1)
    lr = get_recipe(name).downscale(hr, 0)
    assert lr.mean().item() == pytest.approx(hr.mean().item(), rel=0.01)


def test_area_is_the_exact_mean_of_four_pixels():
    hr = torch.arange(4 * 4 * 6, dtype=torch.float32).reshape(1, 4, 4, 6)
    expected = hr.numpy().reshape(1, 4, 2, 2, 3, 2).mean(axis=(3, 5))
    np.testing.assert_array_equal(get_recipe("area").downscale(hr, 0).numpy(), expected)


def test_antialiased_bicubic_is_torch_s_own():
    hr = images()
    expected = F.interpolate(hr, size=(16, 16), mode="bicubic", antialias=True, align_corners=False)
    assert torch.equal(get_recipe("bicubic_antialiased").downscale(hr, 0), expected)


def test_antialiasing_removes_the_finest_detail_and_aliasing_keeps_it():
    board = (torch.arange(32)[:, None] + torch.arange(32)) % 2
    hr = board.float().expand(1, 4, 32, 32)
    kept = get_recipe("bicubic_antialiased").downscale(hr, 0)[..., 2:-2, 2:-2]
    torch.testing.assert_close(kept, torch.full_like(kept, 0.5))
    stripes = (torch.arange(32) // 2 % 2).float().expand(1, 4, 32, 32)
    aliased = get_recipe("bicubic_aliased").downscale(stripes, 0)
    smoothed = get_recipe("bicubic_antialiased").downscale(stripes, 0)
    assert aliased.std() > smoothed.std()


@pytest.mark.parametrize("name", RECIPES)
def test_a_batch_gives_the_same_as_its_images_one_by_one(name):
    hr, recipe = images(), get_recipe(name)
    batch = recipe.downscale(hr, 40)
    singles = [recipe.downscale(hr[i : i + 1], 40 + i) for i in range(len(hr))]
    torch.testing.assert_close(batch, torch.cat(singles), rtol=0, atol=1e-4)


def test_noise_follows_the_seed_and_differs_between_images():
    recipe, hr = get_recipe("blur_noise"), images(1).expand(2, -1, -1, -1)
    one = recipe.downscale(hr, 1)
    assert torch.equal(one, recipe.downscale(hr, 1))
    assert not torch.equal(one[0], one[1])
    assert torch.equal(one[1], recipe.downscale(hr, 2)[0])


def test_noise_grows_with_the_root_of_the_signal():
    hr = torch.full((1, 2, 256, 256), 200.0)
    hr[:, 1] = 50
    noise = get_recipe("blur_noise").downscale(hr, 0).std(dim=(2, 3))[0]
    assert (noise[0] / noise[1]).item() == pytest.approx(2, rel=0.05)
    assert noise[0].item() == pytest.approx(0.006 * 200, rel=0.05)


def test_ids_are_name_and_version():
    assert {recipe.id.partition("@")[0] for recipe in RECIPES.values()} == set(RECIPES)
    assert all(recipe.id.partition("@")[2].isdigit() for recipe in RECIPES.values())


def test_an_unknown_recipe_is_told_the_nearest():
    with pytest.raises(UserError, match="recipe 'aera': did you mean 'area'"):
        get_recipe("aera")


@given(
    dtype=st.sampled_from(["uint8", "int8", "uint16", "int16", "uint32", "int32"]),
    values=st.lists(st.floats(-1e10, 1e10, width=32), min_size=1, max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_quantised_values_are_what_the_dtype_holds_and_stay_so(dtype, values):
    dtype = np.dtype(dtype)
    once = quantise(torch.tensor(values, dtype=torch.float32), dtype)
    assert torch.equal(quantise(once, dtype), once)
    np.testing.assert_array_equal(once.numpy().astype(dtype).astype(np.float64), once.double())


def test_quantising_clips_and_rounds_half_to_even():
    values = torch.tensor([-3.0, 0.5, 1.5, 254.6, 400.0])
    assert quantise(values, np.dtype("uint8")).tolist() == [0, 0, 2, 255, 255]


def test_floats_are_not_quantised():
    values = torch.tensor([-3.25, 0.1])
    assert torch.equal(quantise(values, np.dtype("float32")), values)


def test_without_a_seed_there_is_no_noise():
    hr = torch.rand(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    recipe = get_recipe("blur_noise")
    assert torch.equal(recipe.downscale(2 * hr, None), 2 * recipe.downscale(hr, None))
    noisy = torch.stack([recipe.downscale(hr, seed) for seed in range(0, 400, 2)]).mean(dim=0)
    torch.testing.assert_close(noisy, recipe.downscale(hr, None), atol=2e-3, rtol=0)
