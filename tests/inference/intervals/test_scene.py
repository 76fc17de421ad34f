"""The factor of a scene: what it follows, and what a scene is too small or too flat for."""

import numpy as np
import pytest
from made_intervals import Repeat, calibration, image, width_model
from test_tiled import MemoryScene

from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.inference.intervals.samples import downscaled, sample_errors
from sen2naip_sr.inference.intervals.scene import estimate_factor, factor_of

RECIPE = get_recipe("bicubic_antialiased")


def factor(values, value_range=(0, 255), **changes):
    scene = MemoryScene(values, changes.pop("valid", None))
    made = calibration(len(values), **changes)
    return estimate_factor(scene, Repeat(len(values)), value_range, made, RECIPE)


def scene(dtype="uint8", scale=255, height=80, width=72):
    return (scale * image(0, height, width).clip(0, 1)).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_it_is_that_of_the_scene_downscaled_once_more(dtype):
    values = scene(dtype, width=64, height=64)
    found = factor(values)
    samples = sample_errors(Repeat(2), values, downscaled(values, RECIPE), (0, 255))
    assert found.windows == 1
    assert found.value == pytest.approx(factor_of(samples, width_model(), 0.9), rel=1e-4)
    assert not found.problem


def test_half_widths_times_it_cover_the_samples():
    values = scene()
    samples = sample_errors(Repeat(2), values, downscaled(values, RECIPE), (0, 255))
    wider = width_model(bias=width_model().bias + np.log(factor_of(samples, width_model(), 0.9)))
    assert factor_of(samples, wider, 0.9) == pytest.approx(1, rel=1e-4)


def test_narrower_half_widths_have_a_larger_factor():
    halved = width_model(bias=width_model().bias - np.log(2))
    assert factor(scene(), width=halved).value == pytest.approx(2 * factor(scene()).value)


def test_it_does_not_depend_on_the_unit():
    of_bytes = factor(scene("float64"))
    of_thousands = factor(40 * scene("float64") + 100, (100, 100 + 40 * 255))
    assert of_thousands.value == pytest.approx(of_bytes.value, rel=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (63, 500), (500, 20)])
def test_scenes_that_are_too_small_have_none_and_it_says_why(shape):
    found = factor(scene(height=shape[0], width=shape[1]))
    assert (found.value, found.windows) == (1, 0)
    assert "fewer than 64 rows or columns" in found.problem


@pytest.mark.parametrize(
    ("values", "valid", "problem"),
    [
        (np.full((2, 80, 80), 9, np.uint8), None, "is flat"),
        (np.full((2, 80, 80), 255, np.uint8), None, "is saturated"),
        (scene(), np.zeros((2, 80, 72), bool), "has nodata"),
    ],
)
def test_scenes_without_a_usable_part_have_none(values, valid, problem):
    found = factor(values, valid=valid)
    assert found.value == 1
    assert problem in found.problem


def test_nodata_changes_nothing_elsewhere():
    values = scene(height=200, width=200)
    valid = np.ones(values.shape, bool)
    valid[:, :10, :10] = False
    changed = values.copy()
    changed[~valid] = 255
    assert factor(values, valid=valid) == factor(changed, valid=valid)
