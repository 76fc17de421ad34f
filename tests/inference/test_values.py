import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.values import (
    choose_range,
    doubled,
    normalise,
    parse_range,
    restore,
)

few = settings(deadline=None, max_examples=30)


class Scene:
    """A scene in memory that counts what is read of it."""

    def __init__(self, values, valid=None):
        self.values = np.asarray(values)
        self.valid = np.ones(self.values.shape, bool) if valid is None else valid
        self.dtype = self.values.dtype
        self.count, self.height, self.width = self.values.shape
        self.pixels_read = 0

    def read(self, top, left, height, width):
        self.pixels_read += height * width
        here = (slice(None), slice(top, top + height), slice(left, left + width))
        return self.values[here], self.valid[here]


def scene_of(darkest, brightest, dtype, shape=(2, 40, 50)):
    return Scene(np.linspace(darkest, brightest, math.prod(shape)).reshape(shape).astype(dtype))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", "auto"),
        ("dtype", "dtype"),
        ("0:10000", (0, 10_000)),
        ("-1:1", (-1, 1)),
        ("0.25:1e4", (0.25, 10_000)),
    ],
)
def test_ranges_are_parsed(text, expected):
    assert parse_range(text) == expected


@pytest.mark.parametrize("text", ["", "1", "5:5", "9:3", "0:nan", "0:inf", "a:b", "0:1:2", "Auto"])
def test_other_ranges_are_refused_with_their_text(text):
    with pytest.raises(UserError, match=f"value range '{text}'.*\n.*0:10000"):
        parse_range(text)


def test_a_stated_range_is_taken_and_nothing_read():
    scene = scene_of(0, 9, "uint16")
    assert choose_range((3.0, 7.0), scene) == (3, 7)
    assert scene.pixels_read == 0


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("uint8", (0, 255)),
        ("int16", (-32_768, 32_767)),
        ("uint32", (0, 2**32 - 1)),
        ("float32", (0, 1)),
    ],
)
def test_dtype_is_its_own_range(dtype, expected):
    assert choose_range("dtype", scene_of(0, 100, dtype)) == expected


@pytest.mark.parametrize(
    ("darkest", "brightest", "dtype", "expected"),
    [
        (0, 9, "uint8", (0, 255)),
        (0, 250, "uint16", (0, 255)),
        (0, 700, "uint16", (0, 1023)),
        (100, 4000, "uint16", (0, 4095)),
        (149, 5600, "uint16", (0, 10_000)),
        (0, 65_535, "uint16", (0, 65_535)),
        (0, 1, "uint16", (0, 1)),
        (0, 100, "int8", (0, 127)),
        (-128, 127, "int8", (-128, 127)),
        (-200, 9000, "int16", (0, 10_000)),
        (-9000, 9000, "int16", (-10_000, 10_000)),
        (-32_768, 32_767, "int16", (-32_767, 32_767)),
        (0, 250_000, "int32", (0, 4 * 65_535)),
        (0, 0.9, "float32", (0, 1)),
        (0, 1.4, "float64", (0, 1)),
        (0, 200, "float32", (0, 255)),
        (0, 0.2, "float32", (0, 0.25)),
        (0, 0.01, "float32", (0, 1 / 64)),
        (-1, 1, "float32", (-1, 1)),
        (-25, -2, "float32", (-63, 0)),
        (0, 0, "float32", (0, 1)),
        (0, 0, "int16", (0, 1)),
    ],
)
def test_auto_is_the_smallest_full_scale(darkest, brightest, dtype, expected):
    assert choose_range("auto", scene_of(darkest, brightest, dtype)) == expected


@few
@given(extreme=st.floats(1e-6, 1e9), dtype=st.sampled_from(["float32", "float64"]))
def test_auto_is_at_least_the_brightest_and_not_far_above(extreme, dtype):
    low, high = choose_range("auto", Scene(np.full((1, 3, 3), extreme, dtype)))
    assert low == 0
    assert high / 15.001 <= extreme <= 1.501 * high


def test_auto_looks_at_valid_values_only():
    values = np.full((1, 30, 30), 60_000, np.uint16)
    values[:, :10] = 200
    assert choose_range("auto", Scene(values, values < 1000)) == (0, 255)
    assert choose_range("auto", Scene(values, values > 60_000)) == (0, 65_535)


def test_auto_ignores_a_few_glints():
    scene = scene_of(0, 700, "uint16", (1, 100, 100))
    scene.values[0, 7, :5] = 30_000
    assert choose_range("auto", scene) == (0, 1023)


def test_auto_sees_all_parts_of_a_large_scene_and_reads_few():
    values = np.zeros((1, 3000, 4000), np.uint16)
    values[:, -30:, -30:] = 3000
    scene = Scene(values)
    assert choose_range("auto", scene)[1] == 1
    values[:, -300:] = 3000
    assert choose_range("auto", scene) == (0, 4095)
    assert scene.pixels_read <= 2 * 1024**2


ranges = {
    "uint8": (0, 255),
    "uint16": (0, 10_000),
    "int16": (-32_768, 32_767),
    "int32": (-(2.0**31), 2.0**31 - 1),
    "uint32": (0, 1000),
    "int64": (0, 1e6),
    "float32": (0, 1),
    "float64": (-3, 1e5),
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_every_number_of_up_to_16_bits_survives(dtype):
    limits = np.iinfo(dtype)
    values = np.arange(limits.min, limits.max + 1).astype(dtype).reshape(1, -1, 256)
    for value_range in (ranges[dtype], (5.0, 1234.5)):
        normalised = normalise(values, value_range)
        assert normalised.dtype == np.float32
        restored = restore(doubled(normalised), values, value_range)
        assert restored.dtype == values.dtype
        np.testing.assert_array_equal(restored, doubled(values))


@few
@given(data=st.data(), dtype=st.sampled_from(list(ranges)))
def test_what_is_not_changed_is_restored_exactly(data, dtype):
    number = np.dtype(dtype)
    if number.kind == "f":
        elements = st.floats(-1e6, 1e6, width=8 * number.itemsize)
    else:
        limits = np.iinfo(dtype)
        elements = st.integers(max(limits.min, -(2**52)), min(limits.max, 2**52))
    values = data.draw(hnp.arrays(number, (1, 2, 3), elements=elements))
    normalised = normalise(values, ranges[dtype])
    np.testing.assert_array_equal(
        restore(doubled(normalised), values, ranges[dtype]), doubled(values)
    )


@pytest.mark.parametrize("dtype", list(ranges))
def test_normalising_maps_the_range_to_zero_and_one(dtype):
    low, high = ranges[dtype]
    values = np.array([[[low, high]]]).astype(dtype)
    np.testing.assert_allclose(normalise(values, (low, high)), [[[0, 1]]], atol=1e-7)


def test_values_beyond_the_range_are_kept():
    values = np.array([[[-100, 20_000]]], np.int16)
    np.testing.assert_allclose(normalise(values, (0, 10_000)), [[[-0.01, 2]]])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "uint32", "int64", "uint64"])
def test_integers_are_clipped_to_what_they_hold(dtype):
    limits = np.iinfo(dtype)
    values = np.full((1, 1, 1), 7, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        highest = restore(np.full((1, 2, 2), 1e20, np.float32), values, (0, 1))
        lowest = restore(np.full((1, 2, 2), -1e20, np.float32), values, (0, 1))
    assert (lowest == limits.min).all()
    assert (highest <= limits.max).all()
    assert (highest >= limits.max - limits.max // 2**52).all()


@few
@given(value=st.integers(0, 255), change=st.floats(-0.5, 0.5, width=32))
def test_predictions_are_rounded(value, change):
    values = np.full((1, 1, 1), value, np.uint8)
    predicted = doubled(normalise(values, (0, 255))) + np.float32(change)
    restored = restore(predicted, values, (0, 255))
    assert abs(restored - np.clip(value + 255 * change, 0, 255)).max() <= 0.5001


def test_floats_are_neither_rounded_nor_clipped():
    values = np.array([[[0.5]]])
    predicted = np.full((1, 2, 2), 1.75, np.float32)
    np.testing.assert_array_equal(restore(predicted, values, (0, 2)), np.full((1, 2, 2), 3.5))
