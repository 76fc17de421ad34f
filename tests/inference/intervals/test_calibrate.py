"""Calibration on scenes whose errors are known: what is covered, what counts, what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_intervals import BYTE, Repeat, calibration, image

from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.intervals import calibrate as module
from sen2naip_sr.inference.intervals import fit
from sen2naip_sr.inference.intervals.calibrate import (
    Described,
    ScoredScene,
    calibrate,
    half_widths,
)
from sen2naip_sr.inference.intervals.features import NAMES
from sen2naip_sr.inference.intervals.samples import Samples, downscaled, sample_errors
from sen2naip_sr.weights.calibration import Calibration

DESCRIBED = Described(2, ("a", "b"), ("NAIP, 0.6 m",), (1, 2), "lean, step 3")
RECIPE = get_recipe("bicubic_antialiased")


@pytest.fixture(autouse=True)
def short_fits(monkeypatch):
    monkeypatch.setattr(fit, "STEPS", 150)


def samples(random, factor, count=400, images=4):
    """Return errors that grow with the first feature, times the factor of their scene."""
    features = random.normal(2, 0.7, (count, len(NAMES))).astype(np.float32)
    sizes = factor * 0.01 * np.exp(0.7 * (features[:, 0] - 2))
    errors = np.abs(random.normal(0, sizes)).astype(np.float32)
    return Samples(features, errors, np.arange(count) % images)


def scenes(seed=0, locations=6, spread=0.3, kept=1.0, images=4):
    """Return scenes with factors of their own; of these LR shows a share, the rest is unrelated."""
    random = np.random.default_rng(seed)
    found = []
    for location in range(locations):
        for _ in range(2):
            log = spread * random.normal()
            again = math.exp(kept * log + (1 - kept) * spread * random.normal())
            found.append(
                ScoredScene(
                    str(location),
                    samples(random, math.exp(log), images=images),
                    samples(random, again, images=images),
                )
            )
    return found


def test_new_scenes_are_covered_though_they_differ():
    found = calibrate(scenes(0, 10), 0.9, DESCRIBED)
    shares = [scene.coverage(found) for scene in scenes(1, 10)]
    assert np.mean(shares) == pytest.approx(0.9, abs=0.02)
    assert np.std(shares) < 0.03
    without = [(s.truth.errors <= half_widths(s.truth, found, 1.0)).mean() for s in scenes(1, 10)]
    assert np.std(without) > 1.5 * np.std(shares)


def test_half_widths_follow_the_errors():
    found = calibrate(scenes(0, 8, spread=0.0), 0.9, DESCRIBED)
    fresh = samples(np.random.default_rng(5), 1.0, 4000)
    expected = 1.645 * 0.01 * np.exp(0.7 * (fresh.features[:, 0] - 2))
    ratio = half_widths(fresh, found, 1.0) / expected
    assert np.median(ratio) == pytest.approx(1, abs=0.1)
    assert np.std(np.log(ratio)) < 0.25


@pytest.mark.parametrize(("kept", "least", "most"), [(1.0, 0.7, 1.0), (0.0, 0.0, 0.4)])
def test_the_exponent_tells_how_far_the_factor_can_be_trusted(kept, least, most):
    assert least <= calibrate(scenes(2, 10, kept=kept), 0.9, DESCRIBED).power <= most


def test_a_calibration_says_what_it_is():
    found = calibrate(scenes(), 0.75, DESCRIBED)
    assert (found.level, found.weights, found.places) == (0.75, "lean, step 3", ("a", "b"))
    assert (found.images, found.pixels) == (12 * 4, 12 * 400)
    assert found.factors[0] < found.factors[1]
    assert Calibration.model_validate_json(found.model_dump_json()) == found
    assert len(found.model_dump_json()) < 10_000


def test_the_same_scenes_give_the_same_calibration():
    assert calibrate(scenes(), 0.9, DESCRIBED) == calibrate(scenes(), 0.9, DESCRIBED)


def test_locations_are_left_out_as_a_whole():
    many = scenes(0, 4)
    groups = [module._groups(scene, many) for scene in many]
    assert all(len(set(mine.values())) == 1 for mine in groups)
    assert [mine[0] for mine in groups] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_images_are_left_out_where_locations_are_few():
    few = scenes(0, 1)
    assert set(module._groups(few[0], few).values()) == set(range(module.PARTS))
    found = calibrate(few, 0.8, DESCRIBED)
    assert np.mean([scene.coverage(found) for scene in few]) == pytest.approx(0.8, abs=0.05)


def test_scenes_too_small_for_a_factor_count_with_one():
    small = [ScoredScene(s.location, s.truth, Samples.none()) for s in scenes(spread=0.0)]
    found = calibrate(small, 0.9, DESCRIBED)
    assert (found.power, found.factors) == (1.0, (1.0, 1.0))
    assert np.mean([scene.coverage(found) for scene in small]) == pytest.approx(0.9, abs=0.03)


def test_higher_levels_are_wider():
    fresh = samples(np.random.default_rng(5), 1.0)
    widths = [
        half_widths(fresh, calibrate(scenes(), level, DESCRIBED), 1.0).mean()
        for level in (0.5, 0.8, 0.95)
    ]
    assert widths == sorted(widths)


@pytest.mark.parametrize("level", [0, 1, 1.2, -0.5, float("nan")])
def test_levels_are_shares(level):
    with pytest.raises(UserError, match="a coverage of"):
        calibrate(scenes(), level, DESCRIBED)


def test_too_few_images_for_the_level_are_named():
    few = scenes(0, 1, images=4)
    with pytest.raises(UserError, match="8 chips are too few") as caught:
        calibrate(few, 0.9, DESCRIBED)
    assert "at least 9 chips" in caught.value.remedy


@settings(max_examples=20, deadline=None)
@given(errors=st.lists(st.floats(0, 10), min_size=1, max_size=30), width=st.floats(0.01, 10))
def test_the_winkler_score_is_the_width_and_ten_times_what_is_missed_on_each_side(errors, width):
    expected = [2 * width + 20 * max(error - width, 0) for error in errors]
    found = fit.winkler(np.array(errors), np.full(len(errors), width), 0.9)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def byte_image(seed, height=40, width=40):
    return (255 * image(seed, height, width)).clip(0, 255).astype(np.uint8)


def test_errors_are_those_of_the_written_values():
    hr = byte_image(0)
    lr = downscaled(hr, RECIPE)
    found = sample_errors(Repeat(), hr, lr, BYTE)
    expected = np.abs(lr.repeat(2, 1).repeat(2, 2).astype(float) - hr)[:, 4:-4, 4:-4] / 255
    np.testing.assert_allclose(found.errors, expected.ravel(), atol=1e-6)


def test_pixels_are_drawn_by_a_seed():
    hr = byte_image(0)
    lr = downscaled(hr, RECIPE)
    first, again, other = (
        sample_errors(Repeat(), hr, lr, BYTE, most=50, seed=seed) for seed in (1, 1, 2)
    )
    assert len(first.errors) == 50
    np.testing.assert_array_equal(first.features, again.features)
    assert not np.array_equal(first.features, other.features)


def test_networks_get_whole_multiples_of_images_of_any_size():
    network = Repeat(multiple=4)
    for height, width in ((35, 44), (33, 63)):
        hr = byte_image(0, height, width)[:, : height // 2 * 2, : width // 2 * 2]
        sample_errors(network, hr, downscaled(hr, RECIPE), BYTE)
    assert network.shapes == [(1, 2, 16, 20), (1, 2, 16, 28)]


def test_images_too_small_to_score_are_named():
    hr = byte_image(0, 14, 40)
    with pytest.raises(UserError, match="7 x 20 low-resolution pixels"):
        sample_errors(Repeat(), hr, downscaled(hr, RECIPE), BYTE)


def test_images_too_small_for_a_second_downscaling_are_scored_without():
    pairs = [(byte_image(seed, side, side), BYTE) for seed, side in enumerate((24, 25, 64))]
    scene = ScoredScene.of(Repeat(), RECIPE, pairs, "here")
    assert scene.images == 3
    np.testing.assert_array_equal(np.unique(scene.again.images), [2])
    assert scene.factor(calibration(2)) > 0
    none = ScoredScene.of(Repeat(), RECIPE, pairs[:2], "here")
    assert none.factor(calibration(2)) == 1
