import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_chips import data, made_by
from pydantic import ValidationError

from sen2naip_sr.degradation import RECIPES, get_recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.crops.augmentation import MARGIN, reduce_by_area, some, squares
from sen2naip_sr.training.crops.sampler import CropSampler, TrainingData
from sen2naip_sr.training.parameters.crops import AugmentationParameters

PLAIN = {"flips": False, "quarter_turns": False}
INSIDE = np.s_[..., MARGIN:-MARGIN, MARGIN:-MARGIN]


def sampler(source, *, crop_size=8, batch_size=6, seed=0, **augmentation):
    parameters = AugmentationParameters(**PLAIN | augmentation)
    return CropSampler(source, crop_size, batch_size, seed, parameters)


def is_cut_from(crop, chips):
    """Tell whether an image (C, n, n) occurs in one of some chips."""
    windows = np.lib.stride_tricks.sliding_window_view(chips, crop.shape[1:], axis=(2, 3))
    same = np.isclose(windows, crop[None, :, None, None], rtol=1e-5, atol=0)
    return bool(same.all(axis=(1, 4, 5)).any())


@settings(max_examples=25, deadline=None)
@given(pixels=st.integers(1, 24), data=st.data())
def test_area_means_are_those_of_a_finer_grid(pixels, data):
    size = data.draw(st.integers(1, pixels))
    image = np.random.default_rng(pixels).random((2, 3, pixels, pixels))
    # each pixel as size x size equal ones: areas then consist of whole pixels
    fine = image.repeat(size, axis=2).repeat(size, axis=3)
    expected = fine.reshape(2, 3, size, pixels, size, pixels).mean(axis=(3, 5))
    reduced = reduce_by_area(torch.from_numpy(image), size).numpy()
    assert np.allclose(reduced, expected, rtol=1e-12)
    assert np.isclose(reduced.mean(), image.mean(), rtol=1e-12)


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_a_missing_value_stays_where_it_is(missing):
    image = np.random.default_rng(0).random((1, 1, 9, 9)).astype(np.float32)
    holed = image.copy()
    holed[0, 0, 3, 7] = missing
    expected = reduce_by_area(torch.from_numpy(image), 6).numpy()
    reduced = reduce_by_area(torch.from_numpy(holed), 6).numpy()
    # 1.5 pixels an area: row 3 lies in area 2 alone, column 7 in areas 4 and 5
    touched = np.zeros((6, 6), bool)
    touched[2, 4:] = True
    assert np.isnan(reduced[0, 0, touched]).all()
    assert np.allclose(reduced[0, 0, ~touched], expected[0, 0, ~touched], rtol=1e-6)


@pytest.mark.parametrize("name", RECIPES)
def test_the_margin_hides_what_recipes_do_at_borders(name):
    hr = torch.rand(1, 2, 40, 40, dtype=torch.float64)
    recipe = get_recipe(name)
    whole, part = recipe.downscale(hr, None), recipe.downscale(hr[..., 10:34, 10:34], None)
    inside = slice(MARGIN, -MARGIN)
    reference = whole[..., 5:17, 5:17][..., inside, inside]
    assert torch.allclose(part[..., inside, inside], reference, rtol=1e-12, atol=0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
@pytest.mark.parametrize("name", [name for name in RECIPES if name != "blur_noise"])
def test_pairs_of_the_same_pixel_size_are_those_that_are_stored(name, dtype):
    source = data(name, dtype)
    drawn = sampler(source, pixel_sizes={"share": 1, "largest": 1})
    stored_lr, stored_hr = (np.stack(list(chips)) for chips in (source.lr, source.hr))
    for lr, hr in zip(*drawn.batch(0), strict=True):
        assert is_cut_from(hr, stored_hr)
        assert is_cut_from(lr, stored_lr)
        same_ground = made_by(name, hr[None])[0][INSIDE]
        assert np.allclose(same_ground, lr[INSIDE], rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
@pytest.mark.parametrize("name", [name for name in RECIPES if name != "blur_noise"])
def test_lr_of_larger_pixels_is_what_the_recipe_makes_of_hr(name, dtype):
    drawn = sampler(data(name, dtype), pixel_sizes={"share": 1})
    for step in range(4):
        lr, hr = drawn.batch(step)
        assert (lr.dtype, hr.dtype) == (dtype, dtype)
        assert np.allclose(made_by(name, hr)[INSIDE], lr[INSIDE], rtol=1e-5)


def test_larger_pixels_show_more_ground():
    ramp = np.broadcast_to(np.arange(128, dtype=np.float32), (1, 1, 128, 128)).copy()
    drawn = sampler(data("area", hr=ramp), batch_size=1, pixel_sizes={"share": 1, "largest": 4})
    factors = [np.diff(drawn.batch(step)[1]).mean() for step in range(150)]
    assert 1 <= min(factors) < 1.05
    assert 3.9 < max(factors) <= 4
    # log-uniform: half of them below the geometric mean of 1 and 4
    assert np.mean(np.array(factors) < 2) == pytest.approx(0.5, abs=0.1)


def test_factors_end_where_a_chip_does():
    ramp = np.broadcast_to(np.arange(48, dtype=np.float32), (1, 1, 48, 48)).copy()
    drawn = sampler(data("area", hr=ramp), batch_size=1, pixel_sizes={"share": 1, "largest": 9})
    factors = [np.diff(drawn.batch(step)[1]).mean() for step in range(60)]
    # 48 HR pixels hold 8 LR pixels with 2 to each side at most twice as large
    assert 1.9 < max(factors) <= 2


@pytest.mark.parametrize("batch_size", [1, 5])
def test_the_share_of_larger_pixels_is_met_on_average(batch_size):
    source = data(size=32)
    mixed = sampler(source, crop_size=4, batch_size=batch_size, pixel_sizes={"share": 0.3})
    plain = sampler(source, crop_size=4, batch_size=batch_size)
    changed = [
        (mixed.batch(step)[1] != plain.batch(step)[1]).any(axis=(1, 2, 3)).sum()
        for step in range(200)
    ]
    assert np.mean(changed) / batch_size == pytest.approx(0.3, abs=0.05)


def test_crops_of_the_stored_pixel_size_are_left_alone():
    source = data()
    mixed, plain = sampler(source, pixel_sizes={"share": 0.5}), sampler(source)
    for mine, stored in zip(mixed.batch(3), plain.batch(3), strict=True):
        assert (mine == stored).all(axis=(1, 2, 3)).sum() == 3


def test_refuses_crops_that_have_no_room_for_the_margin():
    with pytest.raises(UserError, match=r"need 72 x 72 HR pixels[\s\S]*at most 28 LR"):
        sampler(data(size=64), crop_size=32, pixel_sizes={})


def test_recipes_are_mixed_by_their_weights():
    names = {"bicubic_antialiased": 2, "area": 1, "bicubic_aliased": 1}
    drawn = sampler(data(), batch_size=20, recipes=names)
    counts = dict.fromkeys(names, 0)
    for step in range(20):
        lr, hr = drawn.batch(step)
        for name in names:
            same = np.isclose(made_by(name, hr), lr)[INSIDE]
            counts[name] += same.all(axis=(1, 2, 3)).sum()
    assert sum(counts.values()) == 400
    assert counts["bicubic_antialiased"] == pytest.approx(200, abs=40)
    assert counts["area"] == pytest.approx(100, abs=35)


def test_the_stored_recipe_alone_cuts_what_is_stored():
    source = data()
    named, plain = sampler(source, recipes={"bicubic_antialiased": 1}), sampler(source)
    assert all(map(np.array_equal, named.batch(0), plain.batch(0)))


def test_noise_is_a_pure_function_of_seed_and_step():
    source = data("area")
    first, second = (sampler(source, seed=5, recipes={"blur_noise": 1}) for _ in range(2))
    first.batch(0)
    assert np.array_equal(first.batch(3)[0], second.batch(3)[0])
    flat = data("area", hr=np.full((1, 1, 64, 64), 200, np.float32))
    lr = sampler(flat, batch_size=2, recipes={"blur_noise": 1}).batch(0)[0]
    assert lr.std() > 0
    assert not np.array_equal(lr[0], lr[1])


@pytest.mark.parametrize(
    "augmentation", [{"recipes": {"bicubic": 1}}, {"cutblur": {"recipe": "bicubic"}}]
)
def test_an_unknown_recipe_is_named(augmentation):
    with pytest.raises(UserError, match="recipe 'bicubic'"):
        sampler(data(), **augmentation)


def test_asks_for_the_recipe_where_it_is_not_known():
    known = data()
    unknown = TrainingData(known.hr, known.lr, known.train, known.validation, (0, 255))
    with pytest.raises(UserError, match="not recorded"):
        sampler(unknown, pixel_sizes={})
    assert sampler(unknown, pixel_sizes={}, recipes={"area": 1}).batch(0)[0].shape == (6, 2, 8, 8)


def test_cutblur_changes_the_recipe_inside_a_square_or_outside_of_it():
    drawn = sampler(
        data(), batch_size=40, crop_size=12, cutblur={"share": 1, "recipe": "area", "side": 0.5}
    )
    lr, hr = drawn.batch(0)
    base, other = (
        (made_by(name, hr) == lr)[INSIDE].all(axis=1) for name in ("bicubic_antialiased", "area")
    )
    assert (base | other).all()
    mostly_other = other.mean(axis=(1, 2)) > 0.5
    assert 8 < mostly_other.sum() < 32
    assert (base.mean(axis=(1, 2)) < 0.99).all()


def test_cutblur_leaves_the_truth_alone():
    source = data()
    _, hr = sampler(source, cutblur={"share": 1, "recipe": "area"}).batch(0)
    stored = np.stack(list(source.hr))
    assert all(is_cut_from(crop, stored) for crop in hr)


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 12), data=st.data())
def test_squares_are_squares_or_all_but_squares(size, data):
    side = data.draw(st.integers(1, size))
    seed = data.draw(st.integers(0, 1000))
    for square in squares(np.random.default_rng(seed), 8, size, side):
        inside = square if square.sum() == side**2 else ~square
        rows, columns = np.nonzero(inside)
        assert len(rows) == side**2
        assert (np.ptp(rows), np.ptp(columns)) == (side - 1, side - 1)


def test_everything_together_is_a_pure_function_of_seed_and_step():
    source = data("blur_noise")
    everything = {
        "flips": True,
        "quarter_turns": True,
        "pixel_sizes": {},
        "band_jitter": {},
        "cutblur": {"recipe": "area"},
        "recipes": {"area": 1, "blur_noise": 1},
    }
    first, second = (sampler(source, seed=2, **everything) for _ in range(2))
    first.batch(0)
    for mine, other in zip(first.batch(9), second.batch(9), strict=True):
        assert np.array_equal(mine, other)
    assert not np.array_equal(first.batch(9)[0], first.batch(10)[0])
    other_seed = sampler(source, seed=3, **everything)
    assert not np.array_equal(first.batch(9)[0], other_seed.batch(9)[0])


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 20), share=st.floats(0, 1), seed=st.integers(0, 1000))
def test_some_are_as_many_as_their_share_rounded_down_or_up(count, share, seed):
    chosen = some(np.random.default_rng(seed), count, share).sum()
    assert np.floor(count * share) <= chosen <= np.ceil(count * share)


@pytest.mark.parametrize(
    ("augmentation", "reason"),
    [
        ({"pixel_sizes": {"largest": 0.5}}, "greater than or equal to 1"),
        ({"band_jitter": {"gain": 0.9, "band_gain": 0.2}}, "less than 1"),
        ({"recipes": {"area": 0}}, "greater than 0"),
        ({"cutblur": {"sides": 0.5}}, "did you mean 'side'"),
    ],
)
def test_refuses_impossible_parameters(augmentation, reason):
    with pytest.raises(ValidationError, match=reason):
        AugmentationParameters(**augmentation)
