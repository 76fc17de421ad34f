"""What is said of the intervals of a scene: what is promised, and why it may not hold."""

import numpy as np
import pytest
from made_intervals import Repeat, calibration, image

from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.raster.arrays import ArrayScene
from sen2naip_sr.upscaling.intervals import FARTHEST, intervals_for

CLEAN = Conditions.of_recipe(2)
WIDE = (1e-3, 1e3)


def found(size=80, told=CLEAN, value_range=(0, 255), **changes):
    values = (255 * image(0, size, size).clip(0, 1)).astype(np.uint8)
    return intervals_for(
        ArrayScene(values),
        Repeat(),
        value_range,
        calibration=calibration(2, **{"factors": WIDE} | changes),
        recipe=get_recipe("bicubic_antialiased"),
        told=told,
    )


def test_words_name_level_sensors_and_factor():
    made = found(sensors=("NAIP, 0.6 m", "Sentinel-2, 10 m"), level=0.8)
    assert "80% of true values" in made.in_words
    assert "(NAIP, 0.6 m; Sentinel-2, 10 m); of other sensors nothing is promised" in made.in_words
    assert f"scene factor {made.made_by.factor:.2f} from " in made.in_words
    assert "of this scene" not in made.in_words


def test_of_a_scene_too_small_for_a_factor_nothing_is_promised():
    made = found(size=40)
    assert made.made_by.factor == 1
    assert "nothing is promised of this scene: no scene factor can be estimated" in made.in_words
    assert "fewer than 64 rows or columns, and 1 is used" in made.in_words


@pytest.mark.parametrize(
    ("told", "doubt"),
    [
        (Conditions((0.02, 0.02), CLEAN.blur, 0.0), "it is noisy"),
        (Conditions(CLEAN.noise, ((0.6, 0.4),) * 2, 0.0), "it is not blurred like"),
        (Conditions(CLEAN.noise, CLEAN.blur, 0.2), "it was compressed"),
    ],
)
def test_doubts_are_named(told, doubt):
    assert f"nothing is promised of this scene: {doubt}" in found(told=told).in_words


@pytest.mark.parametrize("told", [None, Conditions.unknown()])
def test_what_is_not_known_is_no_doubt(told):
    assert "of this scene" not in found(told=told).in_words


def test_factors_far_from_those_of_the_calibration_are_doubted_and_limited():
    value = found().made_by.factor
    for least, most, used in (
        (value * 3, value * 4, value * 3 / FARTHEST),
        (value / 4, value / 3, value / 3 * FARTHEST),
    ):
        made = found(factors=(least, most))
        assert made.made_by.factor == pytest.approx(used)
        assert f"the calibration's scene factors are {least:.2f} to {most:.2f}" in made.in_words
