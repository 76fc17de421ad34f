"""Consistency and intervals of tiled scenes: as of one piece, and what they promise."""

import numpy as np
import pytest
import torch
from made_intervals import calibration
from test_tiled import MemoryScene, MemoryTarget, Repeat, random_floats, twice

from sen2naip_sr.degradation import RECIPES, get_recipe
from sen2naip_sr.inference.consistency import Consistency
from sen2naip_sr.inference.intervals.width import Intervals
from sen2naip_sr.inference.postprocessing import Postprocessing
from sen2naip_sr.inference.tiled import upscale_scene

RANGE = (100.0, 1100.0)


def intervals(bands):
    return Intervals(calibration(bands), factor=1.2)


def refine(values, postprocessing, *, valid=None, tile=512, network=None, value_range=RANGE):
    """Upscale in tiles; return prediction and half-widths."""
    scene = MemoryScene(values, valid)
    target, halfwidths = MemoryTarget(scene), MemoryTarget(scene)
    halfwidths.values = halfwidths.values.astype(np.float32)
    upscale_scene(
        scene,
        target,
        network or Repeat(scene.count),
        value_range=value_range,
        tile=tile,
        postprocessing=postprocessing,
        intervals=halfwidths if postprocessing.intervals else None,
    )
    assert (target.times == 1).all()
    return target.values, halfwidths.values


def downscaled(image, recipe):
    return recipe.downscale(torch.from_numpy(image)[None], None)[0].numpy()


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("tile", [16, 33, 512])
def test_downscaling_a_consistent_result_gives_the_scene_back(name, tile):
    recipe = get_recipe(name)
    values = 100 + 1000 * random_floats(2, 61, 74).astype(np.float64)
    result, _ = refine(values, Postprocessing(Consistency(recipe)), tile=tile)
    np.testing.assert_allclose(downscaled(result, recipe), values, rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_after_rounding_it_is_at_most_one_digital_number_off(name, dtype):
    recipe = get_recipe(name)
    most = np.iinfo(dtype).max
    values = (most * (0.45 + 0.1 * random_floats(1, 40, 50))).astype(dtype)
    # a network that is wrong everywhere, but by so little that nothing is clipped
    result, _ = refine(values, Postprocessing(Consistency(recipe)), tile=24, value_range=(0, most))
    again = downscaled(result.astype(np.float64), recipe)
    assert np.abs(again - values).max() <= 1


def test_tiles_of_a_refined_scene_give_what_one_piece_gives():
    values = 100 + 1000 * random_floats(3, 90, 70).astype(np.float64)
    postprocessing = Postprocessing(Consistency(get_recipe("bicubic_antialiased")), intervals(3))
    whole, tiled = (refine(values, postprocessing, tile=tile) for tile in (512, 20))
    np.testing.assert_allclose(tiled[0], whole[0], rtol=0, atol=1e-3)
    np.testing.assert_allclose(tiled[1], whole[1], rtol=1e-3, atol=1e-3)
    assert (whole[1] > 0).all()


def test_invalid_pixels_keep_their_value_and_change_no_valid_one():
    values = 100 + 1000 * random_floats(1, 50, 50).astype(np.float64)
    valid = np.ones(values.shape, bool)
    valid[:, 20:30, 10:40] = False
    postprocessing = Postprocessing(Consistency(get_recipe("area")), intervals(1))
    results = []
    for held in (np.nan, 1e9):
        scene = np.where(valid, values, held)
        result, halfwidth = refine(scene, postprocessing, valid=valid, tile=16)
        np.testing.assert_array_equal(result[twice(~valid)], held)
        results.append((result[twice(valid)], halfwidth[twice(valid)]))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    assert np.isfinite(results[0][1]).all()


def test_intervals_scale_with_the_range():
    values = random_floats(1, 30, 30).astype(np.float64)
    postprocessing = Postprocessing(intervals=intervals(1))
    _, of_one = refine(values, postprocessing, value_range=(0, 1))
    _, of_thousand = refine(1000 * values + 5, postprocessing, value_range=(5, 1005))
    np.testing.assert_allclose(of_thousand, 1000 * of_one, rtol=1e-3)


def test_without_steps_it_needs_no_surroundings_and_leaves_predictions_alone():
    prediction = random_floats(1, 4, 4)
    assert Postprocessing().halo == 0
    assert Postprocessing()(prediction, None, (0, 1)) == (prediction, None)
