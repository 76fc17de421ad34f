"""Features and half-widths: what they follow, where they are the same, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_intervals import calibration, image, width_model
from pydantic import ValidationError

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.intervals import width
from sen2naip_sr.inference.intervals.features import FLOOR, HALO, NAMES, features
from sen2naip_sr.inference.intervals.width import FARTHEST, Intervals, log_widths


def reference(model, found):
    """Return the logarithm of half-widths (n,), computed in double precision."""
    inputs = ((found.T - model.centre) / model.spread).clip(-FARTHEST, FARTHEST)
    hidden = np.maximum(inputs @ np.array(model.hidden).T + model.hidden_bias, 0)
    return hidden @ np.array(model.output) + inputs @ np.array(model.direct) + model.bias


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), count=st.integers(1, 9000))
def test_half_widths_are_those_of_the_network(seed, count):
    random = np.random.default_rng(seed)
    found = random.normal(2, 4, (len(NAMES), count)).astype(np.float32)
    expected = reference(width_model(), found.astype(np.float64))
    np.testing.assert_allclose(log_widths(width_model(), found), expected, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(start=st.integers(0, 5000), count=st.integers(1, 5000), seed=st.integers(0, 9))
def test_a_pixel_has_the_same_bits_wherever_it_lies(start, count, seed):
    found = np.random.default_rng(seed).normal(2, 1, (len(NAMES), 10_000)).astype(np.float32)
    part = np.ascontiguousarray(found[:, start : start + count])
    whole = log_widths(width_model(), found)[start : start + count]
    np.testing.assert_array_equal(log_widths(width_model(), part), whole)


def test_factor_power_and_correction_multiply():
    plain = Intervals(calibration(2, power=0.5, correction=1.0))(image())
    wider = Intervals(calibration(2, power=0.5, correction=3.0), factor=4.0)(image())
    assert plain.dtype == np.float32
    assert (plain > 0).all()
    np.testing.assert_allclose(wider, 6 * plain, rtol=1e-5)


def test_the_four_pixels_of_an_lr_pixel_are_equal():
    found = Intervals(calibration(2))(image())
    np.testing.assert_array_equal(found, found[:, ::2, ::2].repeat(2, 1).repeat(2, 2))


def test_turned_images_have_turned_widths():
    upright = Intervals(calibration(2))(image())
    for turn in (lambda x: x[:, ::-1], lambda x: x[..., ::-1], lambda x: x.swapaxes(1, 2)):
        turned = Intervals(calibration(2))(np.ascontiguousarray(turn(image())))
        np.testing.assert_allclose(turned, turn(upright), rtol=1e-4)


def test_flat_ground_has_no_detail_and_its_own_brightness():
    found = features(np.full((2, 8, 8), 0.25))
    np.testing.assert_allclose(found[:3], 0, atol=1e-6)
    np.testing.assert_allclose(found[3], 0.5, atol=1e-6)
    np.testing.assert_allclose(found[4], 0.25)


def test_detail_is_the_energy_that_a_blur_removes():
    noise = np.random.default_rng(0).normal(0.5, 0.1, (1, 400, 400))
    kernel = np.exp(-0.5 * np.arange(-3, 4.0) ** 2)
    kernel /= kernel.sum()
    weights = -np.outer(kernel, kernel)
    weights[3, 3] += 1
    expected = np.log1p(0.1 * np.sqrt((weights**2).sum()) / FLOOR)
    assert features(noise)[0].mean() == pytest.approx(expected, rel=0.02)


def test_stripes_agree_in_direction_and_texture_does_not():
    random = np.random.default_rng(0)
    stripes = np.broadcast_to(random.normal(0, 0.1, (1, 1, 64)), (1, 64, 64))
    texture = random.normal(0, 0.1, (1, 64, 64))
    assert np.median(features(stripes)[3]) > 0.95
    assert np.median(features(texture)[3]) < 0.7


@pytest.mark.parametrize("core", [10, 13])
def test_tiles_with_the_halo_give_the_bits_of_the_whole(core):
    height, columns = 48, 38
    scene = image(height=2 * height, width=2 * columns).astype(np.float32)
    intervals = Intervals(calibration(2))
    whole = intervals(scene)
    for top in range(0, height, core):
        for left in range(0, columns, core):
            above, before = min(top, HALO), min(left, HALO)
            rows = slice(2 * (top - above), 2 * (top + core + HALO))
            beside = slice(2 * (left - before), 2 * (left + core + HALO))
            tile = intervals(np.ascontiguousarray(scene[:, rows, beside]))
            inner = tile[:, 2 * above :, 2 * before :][:, : 2 * core, : 2 * core]
            expected = whole[:, 2 * top : 2 * (top + core), 2 * left : 2 * (left + core)]
            inner = inner[:, : expected.shape[1], : expected.shape[2]]
            np.testing.assert_array_equal(inner, expected)


def test_pixels_depend_on_no_more_and_no_less_than_the_halo():
    scene = np.full((1, 60, 60), 0.4)
    changed = scene.copy()
    changed[0, 30:32, 30:32] += 0.4
    differs = (features(scene) != features(changed)).any(axis=(0, 1))
    (rows,) = np.nonzero(differs.any(axis=1))
    assert (rows.min(), rows.max()) == (15 - HALO, 15 + HALO)


def test_calibrations_of_other_bands_are_refused():
    with pytest.raises(UserError, match="3 bands, not 2"):
        Intervals(calibration(3))(image())


def test_calibrations_of_another_version_are_refused():
    with pytest.raises(UserError, match=r"'detail@1', not 'width@") as caught:
        Intervals(calibration(2, formula="detail@1"))
    assert caught.value.code == "calibration-outdated"


def test_calibrations_do_not_change_and_know_their_fields():
    with pytest.raises(ValidationError):
        calibration().level = 0.5
    with pytest.raises(ValidationError):
        calibration(quantile=2.0)


def test_chunks_are_whole_vectors():
    assert width._CHUNK % 64 == 0
