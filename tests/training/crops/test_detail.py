import numpy as np
import pytest

from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.training.crops.detail import DetailMap
from sen2naip_sr.training.crops.sampler import CropSampler, TrainingData
from sen2naip_sr.training.parameters.crops import AugmentationParameters, DetailParameters

CROP, SIDE, CHIPS = 4, 19, 3


def corner_chips(value=1.0):
    """Flat chips, the last with a checkerboard in its top left corner, 5 x 5 LR pixels."""
    hr = np.full((CHIPS, 2, 2 * SIDE, 2 * SIDE), 7.0, np.float32)
    board = np.indices((10, 10)).sum(axis=0) % 2
    hr[-1, :, :10, :10] += value * board
    return hr


def draw(hr, count=20_000, chips=None, **parameters):
    chips = np.arange(len(hr)) if chips is None else np.array(chips)
    shards = ShardedArray.from_array(hr)
    return DetailMap(shards, chips, CROP, DetailParameters(**parameters)).draw(
        np.random.default_rng(0), count
    )


def sampler(hr, seed=0, **parameters):
    lr = hr.reshape(*hr.shape[:2], SIDE, 2, SIDE, 2).mean(axis=(3, 5))
    arrays = (ShardedArray.from_array(array) for array in (hr, lr))
    data = TrainingData(*arrays, np.arange(len(hr)), np.empty(0, int), (0, 10))
    plain = AugmentationParameters(flips=False, quarter_turns=False)
    return CropSampler(data, CROP, 50, seed, plain, DetailParameters(**parameters))


def in_corner(at):
    """Tell which crops see any of the corner's gradients: 16 positions a chip, 8 cells of 2."""
    return (at.chips == CHIPS - 1) & (at.rows <= 5) & (at.columns <= 5)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
@pytest.mark.parametrize("power", [0.5, 1])
def test_detail_is_drawn_as_often_as_its_share_says(share, power):
    at = draw(corner_chips(), share=share, power=power)
    # 6 x 6 of the 16 x 16 positions of one chip of three
    expected = share + (1 - share) * 36 / 256 / CHIPS
    assert in_corner(at).mean() == pytest.approx(expected, abs=0.015)


def test_positions_follow_energy_to_the_power():
    hr = corner_chips(1.0)
    hr[0] = corner_chips(4.0)[-1]
    for power in (0.5, 1):
        chips = draw(hr, share=1, power=power).chips
        assert set(chips) == {0, CHIPS - 1}
        # gradients four times as large, energy sixteen times
        expected = 4 ** (2 * power)
        assert (chips == 0).sum() / (chips != 0).sum() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("parameters", [{"share": 1.0}, {"power": 0.0}, {"share": 0.0}])
def test_without_detail_positions_are_uniform(parameters):
    hr = corner_chips(0.0) if parameters == {"share": 1.0} else corner_chips()
    at = draw(hr, count=60_000, **parameters)
    cells = np.ravel_multi_index((at.chips, at.rows, at.columns), (CHIPS, 16, 16))
    counts = np.bincount(cells, minlength=CHIPS * 256)
    # each is 78 on average, 9 its standard deviation
    assert counts.min() > 35
    assert counts.max() < 130
    assert np.array_equal(at.weights, np.ones(60_000, np.float32))


@pytest.mark.parametrize("cells", [1, 5, 16, 200])
def test_every_position_is_drawn_whatever_the_grid(cells):
    at = draw(corner_chips(), share=0.3, cells=cells)
    assert len(np.unique(np.ravel_multi_index((at.chips, at.rows, at.columns), (3, 16, 16)))) == 768


def test_only_the_given_chips_are_drawn():
    assert set(draw(corner_chips(), chips=[0, 2]).chips) == {0, 2}


@pytest.mark.parametrize("largest_weight", [1e6, 1.5])
def test_weights_are_one_on_average(largest_weight):
    at = draw(corner_chips(), count=100_000, share=0.9, largest_weight=largest_weight)
    assert at.weights.dtype == np.float32
    assert at.weights.mean(dtype=float) == pytest.approx(1, abs=0.02)


def test_weighted_means_are_those_of_uniform_drawing():
    at = draw(corner_chips(), count=100_000, share=0.8, power=1, largest_weight=100)
    assert at.rows.mean() < 5
    assert np.average(at.rows, weights=at.weights) == pytest.approx(7.5, abs=0.15)
    assert np.average(in_corner(at), weights=at.weights) == pytest.approx(36 / 768, rel=0.05)


def test_the_largest_weights_are_clipped():
    # positions without detail are drawn a tenth as often as uniformly
    free, clipped = (
        draw(corner_chips(), share=0.9, largest_weight=largest).weights for largest in (100, 3)
    )
    relative = (clipped / clipped.min()) / (free / free.min())
    assert relative.max() == pytest.approx(1)
    assert relative.min() == pytest.approx(0.3)


def test_missing_values_count_as_no_detail():
    hr = corner_chips(0.0)
    hr[0, 0, 8, 8] = np.nan
    at = draw(hr, share=1)
    assert np.array_equal(at.weights, np.ones_like(at.weights))
    hr[-1] = corner_chips()[-1]
    assert set(draw(hr, share=1).chips) == {CHIPS - 1}


def test_the_largest_values_do_not_overflow():
    hr = np.zeros((2, 1, 2 * SIDE, 2 * SIDE), np.uint16)
    hr[1, :, ::2] = 65535
    at = draw(hr, share=1, power=4)
    assert set(at.chips) == {1}
    assert np.isfinite(at.weights).all()


def test_the_sampler_cuts_what_the_map_draws():
    drawn = sampler(corner_chips(), share=1, power=1)
    lr, hr = drawn.batch(4)
    assert lr.shape == (50, 2, CROP, CROP)
    assert np.array_equal(hr.reshape(50, 2, CROP, 2, CROP, 2).mean(axis=(3, 5)), lr)
    # a cell of 2 x 2 positions may hold some that just miss the corner
    assert (np.ptp(hr, axis=(1, 2, 3)) > 0).mean() > 0.8
    assert set(drawn.chips(4)) == {CHIPS - 1}


def test_is_a_pure_function_of_seed_and_step():
    hr = corner_chips()
    first, second, other = sampler(hr, seed=1), sampler(hr, seed=1), sampler(hr, seed=2)
    first.weights(0)
    assert np.array_equal(first.weights(6), second.weights(6))
    assert np.array_equal(first.batch(6)[1], second.batch(6)[1])
    assert not np.array_equal(first.weights(6), first.weights(7))
    assert not np.array_equal(first.weights(6), other.weights(6))
