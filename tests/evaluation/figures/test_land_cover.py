import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.evaluation.figures.land_cover import (
    choose_by_land_cover,
    measure_land_cover,
    most_detailed,
)

SIDE = 16


def flat(*levels):
    return np.broadcast_to(np.array(levels)[:, None, None], (len(levels), SIDE, SIDE)).copy()


def chequered(bands, low, high):
    return np.broadcast_to(
        np.where(np.indices((SIDE, SIDE)).sum(axis=0) % 2, low, high), (bands, SIDE, SIDE)
    ).copy()


FOREST = flat(30, 60, 30, 180)
WATER = flat(40, 60, 80, 10)
ROOFS = chequered(4, 40, 240)
FIELD = chequered(4, 90, 110)
MEADOW = chequered(4, 95, 105)


def chips(*images, dtype=np.uint8, scale=1):
    return ShardedArray.from_array((np.stack(images) * scale).astype(dtype))


@pytest.mark.parametrize(("dtype", "scale"), [(np.uint8, 1), (np.uint16, 250), (np.float32, 1e-3)])
def test_chips_are_chosen_for_roofs_vegetation_water_and_what_is_common(dtype, scale):
    hr = chips(MEADOW, WATER, FIELD, ROOFS, FOREST, dtype=dtype, scale=scale)
    assert choose_by_land_cover(hr, range(5), 0.0, 4) == [
        (3, "most edges"),
        (4, "highest NDVI"),
        (1, "lowest NIR"),
        (0, "median of edges"),
    ]


def test_only_the_given_chips_are_chosen_and_their_order_does_not_matter():
    hr = chips(ROOFS, WATER, FIELD, ROOFS, FOREST)
    chosen = choose_by_land_cover(hr, [1, 2, 4], 0.0, 4)
    assert {chip for chip, _ in chosen} == {1, 2, 4}
    assert choose_by_land_cover(hr, [4, 1, 2], 0.0, 4) == chosen


@pytest.mark.parametrize("count", range(1, 9))
def test_no_chip_is_chosen_twice_and_a_smaller_choice_is_the_beginning_of_a_larger(count):
    hr = chips(MEADOW, WATER, FIELD, ROOFS, FOREST, FIELD, WATER)
    chosen = choose_by_land_cover(hr, range(7), 0.0, count)
    assert len({chip for chip, _ in chosen}) == len(chosen) == min(count, 7)
    assert chosen == choose_by_land_cover(hr, range(7), 0.0, 8)[:count]


@pytest.mark.parametrize("bands", [1, 3])
def test_without_nir_brightness_tells_chips_apart(bands):
    dark, bright = (flat(*[level] * bands) for level in (10, 200))
    images = chequered(bands, 90, 110), dark, chequered(bands, 40, 240), bright
    chosen = choose_by_land_cover(chips(*images), range(4), 0.0, 4)
    assert [chip for chip, _ in chosen] == [2, 3, 1, 0]


def test_ndvi_and_brightness_count_from_the_digital_number_of_darkness():
    measures = measure_land_cover(flat(1020, 1060, 1030, 1180).astype(np.uint16), 1000.0)
    assert measures["ndvi"] == pytest.approx((180 - 20) / (180 + 20))
    assert (measures["nir"], measures["brightness"]) == (180.0, 72.5)
    assert measures["edges"] == 0


def test_edges_are_squared_differences_that_do_not_overflow():
    step = flat(0, 0, 0, 0).astype(np.uint16)
    step[0, :, SIDE // 2 :] = 60_000
    assert measure_land_cover(step, 0.0)["edges"] == pytest.approx(60_000.0**2 / SIDE)


def test_darkness_and_pixels_without_value_count_as_nothing():
    image = flat(0, 0, 0, 0).astype(np.float32)
    image[:, 3, 3] = np.nan
    image[2, 5, 5] = np.inf
    assert set(measure_land_cover(image, 0.0).values()) == {0.0}
    image[1, 9, 9] = 1.0
    assert most_detailed(image, 2, 2) == (3, 3)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    height=st.integers(2, 8),
    width=st.integers(2, 8),
    data=st.data(),
)
def test_no_other_part_has_more_detail(seed, height, width, data):
    rows, columns = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    truth = np.random.default_rng(seed).integers(0, 255, (2, 2 * height, 2 * width), np.uint8)
    wide = truth.astype(int)
    energy = np.zeros(truth.shape[1:])
    energy[:-1] += ((wide[:, 1:] - wide[:, :-1]) ** 2).sum(axis=0)
    energy[:, :-1] += ((wide[:, :, 1:] - wide[:, :, :-1]) ** 2).sum(axis=0)

    def inside(top, left):
        return energy[2 * top : 2 * (top + rows), 2 * left : 2 * (left + columns)].sum()

    every = [
        inside(top, left) for top in range(height - rows + 1) for left in range(width - columns + 1)
    ]
    assert inside(*most_detailed(truth, rows, columns)) == max(every)
