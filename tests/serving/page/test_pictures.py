"""Pictures of scenes, results and intervals."""

import io

import numpy as np
import pytest

pytest.importorskip("PIL")
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sen2naip_sr.serving.page.drawing.pictures import (
    Stretch,
    View,
    coloured,
    interval_colours,
    png,
    ramp_colours,
    views_of,
    widest_shown,
)

DTYPES = ("uint8", "int16", "uint16", "int32", "float32", "float64")


def image(dtype="uint8", seed=0, shape=(4, 9, 13)):
    random = np.random.default_rng(seed)
    return (random.normal(0, 40, shape) + 100).clip(0, 200).astype(dtype)


def everywhere(pixels):
    return np.ones(pixels.shape, bool)


def drawn(pixels, valid, view=View.TRUE):
    return coloured(pixels, valid, view, Stretch.of(pixels, valid))


@given(st.sampled_from(DTYPES), st.integers(0, 50), st.sampled_from(list(View)))
def test_brighter_values_are_never_darker(dtype, seed, view):
    pixels = image(dtype, seed)
    picture = drawn(pixels, everywhere(pixels), view)
    assert picture.dtype == np.uint8
    assert picture.shape == (9, 13, 4)
    for channel, band in enumerate(view.bands):
        order = np.argsort(pixels[band], axis=None, kind="stable")
        assert (np.diff(picture[..., channel].ravel()[order].astype(int)) >= 0).all()


@given(st.sampled_from(DTYPES), st.integers(0, 50))
def test_what_is_not_valid_is_transparent_and_changes_nothing_else(dtype, seed):
    pixels = image(dtype, seed)
    valid = everywhere(pixels)
    valid[seed % 4, 2:5, 3:6] = False
    extreme = np.where(valid, pixels, np.iinfo(dtype).max if dtype[0] in "iu" else np.nan)
    one, other = (drawn(values.astype(dtype), valid) for values in (pixels, extreme))
    known = valid[:3].all(axis=0)
    np.testing.assert_array_equal(one[..., 3] == 255, known)
    np.testing.assert_array_equal(one[known], other[known])


def test_red_green_and_blue_keep_their_proportions():
    grey = np.repeat(image(shape=(1, 20, 20)), 4, axis=0)
    grey[1] //= 2
    picture = drawn(grey, everywhere(grey)).astype(int)
    middle = (picture[..., 0] > 20) & (picture[..., 0] < 235)
    assert (picture[..., 1][middle] < picture[..., 0][middle]).all()


def test_near_infrared_is_red_and_red_is_green_in_false_colour():
    pixels = np.zeros((4, 2, 2), np.uint8)
    pixels[3, 0, 0], pixels[0, 1, 1] = 200, 200
    stretch = Stretch(np.zeros(4), np.full(4, 200.0))
    picture = coloured(pixels, everywhere(pixels), View.FALSE, stretch)
    assert picture[0, 0].tolist() == [255, 0, 0, 255]
    assert picture[1, 1].tolist() == [0, 255, 0, 255]


@pytest.mark.parametrize("value", [0, 7])
def test_even_images_and_those_without_data_are_drawn(value):
    pixels = np.full((4, 3, 3), value, np.uint8)
    assert drawn(pixels, everywhere(pixels))[..., 3].min() == 255
    assert drawn(pixels, ~everywhere(pixels))[..., 3].max() == 0


def test_images_of_three_bands_have_no_false_colour():
    assert views_of(3) == (View.TRUE,)
    assert views_of(4) == (View.TRUE, View.FALSE)


def brightness(picture):
    """Return the relative luminance of WCAG 2."""
    linear = (picture[..., :3] / 255) ** 2.2
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def test_wide_intervals_are_brighter_than_narrow_ones():
    widths = np.repeat(np.linspace(0, 12, 50, dtype="float32").reshape(1, 5, 10), 4, axis=0)
    picture = interval_colours(widths, everywhere(widths), 12.0)
    assert (np.diff(brightness(picture).ravel()) > 0).all()
    ends = [f"rgb({' '.join(map(str, picture[place][:3]))})" for place in [(0, 0), (-1, -1)]]
    assert ends == [ramp_colours()[0], ramp_colours()[-1]]


def test_the_ramp_ends_where_hardly_any_width_is_greater():
    widths = np.ones((4, 30, 30), np.float32)
    widths[:, 0, 0] = 1000
    assert widest_shown(widths, everywhere(widths)) == pytest.approx(1)
    assert widest_shown(widths, ~everywhere(widths)) == 0
    assert interval_colours(widths * 0, everywhere(widths), 0.0)[..., 3].min() == 255


def test_a_png_holds_the_picture():
    picture = np.random.default_rng(0).integers(0, 256, (7, 5, 4), dtype=np.uint8)
    opened = Image.open(io.BytesIO(png(picture)))
    assert opened.format == "PNG"
    np.testing.assert_array_equal(np.asarray(opened), picture)
