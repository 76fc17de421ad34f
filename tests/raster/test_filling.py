import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sen2naip_sr.raster.filling import UNKNOWN, fill, fill_digital

few = settings(deadline=None, max_examples=30)


def reference_fill(values, valid, reach):
    """Ring by ring, pixel by pixel."""
    filled, known = np.where(valid, values, UNKNOWN).astype(np.float64), valid.copy()
    for _ in range(reach):
        before = known.copy()
        for band, row, column in np.argwhere(~before):
            around = (band, slice(max(0, row - 1), row + 2), slice(max(0, column - 1), column + 2))
            if before[around].any():
                filled[band, row, column] = filled[around][before[around]].mean()
                known[band, row, column] = True
    return filled


masks = hnp.arrays(
    bool,
    st.tuples(st.integers(1, 2), st.integers(1, 8), st.integers(1, 9)),
    elements=st.sampled_from([False] * 5 + [True]),
)


@few
@given(valid=masks, reach=st.integers(0, 5))
def test_filling_is_the_ring_by_ring_mean(valid, reach):
    values = np.random.default_rng(0).random(valid.shape, np.float32)
    filled = fill(values, valid, reach)
    assert filled.dtype == np.float32
    np.testing.assert_allclose(filled, reference_fill(values, valid, reach), atol=1e-6)
    np.testing.assert_array_equal(filled[valid], values[valid])


def test_filling_is_skipped_where_all_is_valid():
    values = np.ones((2, 3, 4), np.float32)
    assert fill(values, np.ones(values.shape, bool), 5) is values


def test_what_is_beyond_reach_is_a_constant():
    valid = np.zeros((2, 1, 9), bool)
    valid[0, 0, 0] = True
    filled = fill(np.full(valid.shape, 0.25, np.float32), valid, 3)
    np.testing.assert_array_equal(filled[0, 0], [0.25] * 4 + [UNKNOWN] * 5)
    np.testing.assert_array_equal(filled[1], UNKNOWN)


@few
@given(value=st.floats(0, 1, width=32), valid=masks)
def test_a_constant_area_is_filled_with_its_constant(value, valid):
    valid[:, 0, 0] = True
    filled = fill(np.full(valid.shape, value, np.float32), valid, 20)
    np.testing.assert_array_equal(filled, np.float32(value))


@few
@given(valid=masks, rubbish=st.sampled_from([np.nan, np.inf, -3e38, 0]))
def test_filling_does_not_see_invalid_values(valid, rubbish):
    values = np.random.default_rng(0).random(valid.shape, np.float32)
    np.testing.assert_array_equal(
        fill(np.where(valid, values, np.float32(rubbish)), valid, 4), fill(values, valid, 4)
    )


@few
@given(seed=st.integers(0, 999), share=st.sampled_from([0.003, 0.05, 0.5]), data=st.data())
def test_any_window_with_a_margin_of_the_reach_gives_the_same_bits(seed, share, data):
    random = np.random.default_rng(seed)
    values, valid = random.random((2, 40, 50), np.float32), random.random((2, 40, 50)) < share
    reach = data.draw(st.integers(0, 9))
    top, left = data.draw(st.integers(0, 39)), data.draw(st.integers(0, 49))
    bottom, right = data.draw(st.integers(top + 1, 40)), data.draw(st.integers(left + 1, 50))
    first_row, first_column = max(0, top - reach), max(0, left - reach)
    seen = (slice(None), slice(first_row, bottom + reach), slice(first_column, right + reach))
    part = fill(values[seen], valid[seen], reach)[:, top - first_row :, left - first_column :]
    np.testing.assert_array_equal(
        part[:, : bottom - top, : right - left],
        fill(values, valid, reach)[:, top:bottom, left:right],
    )


@few
@given(
    valid=masks,
    dtype=st.sampled_from(["uint8", "int16", "uint16", "float32", "float64"]),
    rubbish=st.sampled_from([0, 1, 99, 127]),
)
def test_digital_numbers_are_filled_from_valid_ones_alone(valid, dtype, rubbish):
    valid[0, 0, 0] = True
    values = np.random.default_rng(0).integers(20, 90, valid.shape).astype(dtype)
    filled = fill_digital(values, valid)
    changed = np.where(valid, values, np.array(rubbish, dtype))
    assert filled.dtype == dtype
    np.testing.assert_array_equal(filled[valid], values[valid])
    np.testing.assert_array_equal(fill_digital(changed, valid), filled)
    assert filled.min() >= values[valid].min()
    assert filled.max() <= values[valid].max()


@pytest.mark.parametrize("rubbish", [np.nan, np.inf, -3.4e38])
def test_a_band_without_valid_pixels_becomes_the_mean_of_the_others(rubbish):
    values = np.full((2, 3, 4), 5, np.float32)
    values[1] = rubbish
    np.testing.assert_array_equal(fill_digital(values, np.isfinite(values) & (values > 0)), 5)
