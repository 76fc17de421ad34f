"""The histogram of what a network changed."""

import csv
import io
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.raster.arrays import ArrayScene
from sen2naip_sr.serving.page.drawing import differences as module
from sen2naip_sr.serving.page.drawing.chart import histogram_chart
from sen2naip_sr.serving.page.drawing.differences import differences

NAMES = ("red", "green", "blue", "near-infrared")


def bicubic(pixels):
    whole = torch.from_numpy(pixels.astype(np.float64))[None]
    return torch.nn.functional.interpolate(whole, scale_factor=2, mode="bicubic")[0].numpy()


def scene_of(pixels, nodata=None):
    return ArrayScene(pixels, nodata)


def pair(seed, size, change, dtype="float64"):
    pixels = np.random.default_rng(seed).uniform(0, 200, (4, *size)).astype(dtype)
    return pixels, bicubic(pixels) + change


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 9),
    st.tuples(st.integers(1, 23), st.integers(1, 23)),
    st.floats(-19, 19),
    st.integers(6, 30),
)
def test_a_known_change_is_found_whatever_the_windows(seed, size, change, window):
    pixels, result = pair(seed, size, change)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_WINDOW", window)
        found = differences(scene_of(pixels), scene_of(result), (0.0, 200.0))
    np.testing.assert_allclose(found.absolute, abs(change), atol=1e-6)
    assert found.counts.sum() == result.size
    nearest = found.centres[np.argmax(found.counts, axis=1)]
    step = found.centres[1] - found.centres[0]
    assert (np.abs(nearest - change) <= step * 0.51).all()
    assert abs(found.within - abs(change)) <= step * 0.51


def test_pixels_near_missing_ones_do_not_count():
    pixels, result = pair(0, (20, 20), 3.0)
    pixels[:, 10, 10] = -1
    result[:, 20:22, 20:22] = -1
    result[:, 16:26, 16:26] += 1000
    found = differences(scene_of(pixels, -1.0), scene_of(result, -1.0), (0.0, 200.0))
    np.testing.assert_allclose(found.absolute, 3.0, atol=1e-6)
    assert 0 < found.counts.sum() < result.size


def test_a_scene_without_data_gives_an_empty_histogram():
    pixels, result = np.zeros((4, 6, 6)), np.zeros((4, 12, 12))
    found = differences(scene_of(pixels, 0.0), scene_of(result, 0.0), (0.0, 1.0))
    assert found.counts.sum() == 0
    assert found.within == 0
    ElementTree.fromstring(histogram_chart(found, NAMES))


@pytest.mark.parametrize(
    ("dtype", "value_range"),
    [("uint8", (0, 255)), ("uint16", (0, 10_000)), ("float32", (0, 1)), ("int32", (-5e8, 2e9))],
)
def test_bins_are_round_and_whole_for_integers(dtype, value_range):
    pixels = np.zeros((4, 8, 8), dtype)
    found = differences(scene_of(pixels), scene_of(np.zeros((4, 16, 16), dtype)), value_range)
    step = found.centres[1] - found.centres[0]
    assert float(f"{step:.0e}") == pytest.approx(step)
    if dtype != "float32":
        assert step == round(step) >= 1
    assert 0 in found.centres
    assert found.centres[-1] >= (value_range[1] - value_range[0]) / 20


def test_what_lies_beyond_is_in_the_outer_bins():
    pixels, result = pair(0, (8, 8), 5000.0)
    found = differences(scene_of(pixels), scene_of(result), (0.0, 200.0))
    assert (found.counts[:, -1] == 256).all()


def test_a_large_scene_is_sampled_evenly():
    windows = module._windows(10_000, 10_000)
    assert len(windows) == 16
    assert windows[0][:2] == (0, 0)
    assert windows[-1].top + windows[-1].height == 10_000
    assert len(module._windows(1000, 1000)) == 4


def test_the_table_and_the_chart_hold_the_counts():
    pixels, result = pair(1, (12, 12), 2.0, "uint8")
    found = differences(scene_of(pixels), scene_of(np.rint(result).astype("int16")), (0, 255))
    rows = list(csv.reader(io.StringIO(found.as_csv(NAMES))))
    assert rows[0] == ["difference", *NAMES]
    table = np.array(rows[1:], float)
    np.testing.assert_array_equal(table[:, 0], found.centres)
    np.testing.assert_array_equal(table[:, 1:].T, found.counts)
    drawing = ElementTree.fromstring(histogram_chart(found, ("<a>", "b", "c", "d")))
    title = drawing.find("{http://www.w3.org/2000/svg}title").text
    assert "<a>" in title
    assert f"{found.absolute[0]:.3g}" in title
