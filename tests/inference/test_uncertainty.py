import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference import uncertainty
from sen2naip_sr.inference.uncertainty import (
    HALO,
    calibrate,
    coverage,
    interval,
    local_scale,
)
from sen2naip_sr.weights.calibration import Calibration

BYTE = (0.0, 255.0)


class Repeat:
    """Repeats pixels and adds a constant."""

    bands, halo, multiple = 2, 0, 1

    def __init__(self, added=0.0, multiple=1):
        self.added, self.multiple = np.float32(added), multiple
        self.shapes = []

    def __call__(self, tiles):
        self.shapes.append(tiles.shape)
        return tiles.repeat(2, -1).repeat(2, -2) + self.added


def doubled(image):
    return image.repeat(2, -1).repeat(2, -2)


def image(seed=0, height=24, width=32, bands=2):
    """Return a smooth picture with some noise, digital numbers of 8 bits."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 255, (bands, height // 4 + 1, width // 4 + 1))
    return coarse.repeat(4, 1).repeat(4, 2)[:, :height, :width] + random.normal(
        0, 5, (bands, height, width)
    )


def chips(count, seed=0, size=16, spread=1.0):
    """Return HR and LR of floats in [0, 255]; each chip's errors have a size of their own."""
    random = np.random.default_rng(seed)
    lr = random.uniform(50, 200, (count, 2, size, size)).astype(np.float32)
    size_of_errors = random.lognormal(1.5, spread, (count, 1, 1, 1))
    errors = size_of_errors * random.normal(size=(count, 2, 2 * size, 2 * size))
    return (doubled(lr) + errors).astype(np.float32), lr


def calibrated(**changes):
    values = {
        "level": 0.9,
        "quantiles": (2.0, 3.0),
        "value_range": BYTE,
        "scale": uncertainty.LOCAL_SCALE,
        "chips": 20,
        "pixels": 1000,
        "weights": "lean, step 1",
    }
    return Calibration(**(values | changes))


def test_half_widths_are_the_scale_times_the_bands_quantile():
    found = interval(image(), calibrated())
    expected = np.array([[[2]], [[3]]]) * local_scale(image(), BYTE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_flat_image_has_the_width_of_the_floor():
    flat = local_scale(np.full((2, 8, 8), 77), BYTE)
    np.testing.assert_allclose(flat, 0.5 * np.sqrt(1.05 - 0.5), rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), factor=st.floats(0.01, 300), offset=st.floats(-1e4, 1e4))
def test_the_scale_follows_the_value_range(seed, factor, offset):
    plain = local_scale(image(seed), BYTE)
    other = local_scale(image(seed) * factor + offset, (offset, 255 * factor + offset))
    assert (plain > 0).all()
    np.testing.assert_allclose(other, factor * plain, rtol=1e-3)


def test_16_bits_far_from_zero_lose_no_digits():
    near, far = image(), image() + 60_000
    expected = local_scale(near, BYTE)
    np.testing.assert_allclose(local_scale(far, (60_000, 60_255)), expected, rtol=1e-3)


def test_turned_images_have_turned_scales():
    upright = local_scale(image(), BYTE)
    for turn in (lambda x: x[:, ::-1], lambda x: x[..., ::-1], lambda x: x.swapaxes(1, 2)):
        turned = local_scale(np.ascontiguousarray(turn(image())), BYTE)
        np.testing.assert_allclose(turned, turn(upright), rtol=1e-4)


def test_the_four_pixels_of_an_lr_pixel_are_equal():
    scale = local_scale(image(), BYTE)
    np.testing.assert_array_equal(scale, doubled(scale[:, ::2, ::2]))


def test_texture_is_less_certain_than_stripes_of_the_same_energy():
    random = np.random.default_rng(0)
    stripes = np.broadcast_to(random.normal(0, 20, (1, 1, 64)), (1, 64, 64))
    texture = random.normal(0, 20, (1, 64, 64))
    smooth = np.broadcast_to(np.linspace(0, 255, 64), (1, 64, 64))
    medians = [np.median(local_scale(ground, BYTE)) for ground in (smooth, stripes, texture)]
    assert medians[0] < medians[1] / 3
    assert medians[1] < medians[2] / 1.5


@pytest.mark.parametrize("core", [10, 13])
def test_tiles_with_the_halo_give_what_the_whole_gives(core):
    height, width = 48, 38
    scene = image(height=2 * height, width=2 * width)
    whole = local_scale(scene, BYTE)
    for top in range(0, height, core):
        for left in range(0, width, core):
            above, before = min(top, HALO), min(left, HALO)
            rows = slice(2 * (top - above), 2 * (top + core + HALO))
            columns = slice(2 * (left - before), 2 * (left + core + HALO))
            tile = local_scale(scene[:, rows, columns], BYTE)
            inner = tile[:, 2 * above :, 2 * before :][:, : 2 * core, : 2 * core]
            expected = whole[:, 2 * top : 2 * (top + core), 2 * left : 2 * (left + core)]
            np.testing.assert_allclose(
                inner[:, : expected.shape[1], : expected.shape[2]], expected, rtol=1e-5
            )


def test_pixels_depend_on_no_more_and_no_less_than_the_halo():
    scene = np.full((1, 60, 60), 100.0)
    changed = scene.copy()
    changed[0, 30:32, 30:32] += 100
    (rows,) = np.nonzero((local_scale(scene, BYTE) != local_scale(changed, BYTE))[0].any(axis=1))
    assert (rows.min() // 2, rows.max() // 2) == (15 - HALO, 15 + HALO)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=4, max_size=9),
    level=st.floats(0.1, 0.79),
    seed=st.integers(0, 99),
)
def test_every_chip_counts_the_same_and_one_more_is_infinitely_wrong(sizes, level, seed):
    random = np.random.default_rng(seed)
    scores = [random.integers(0, 9, size).astype(float) for size in sizes]
    found = uncertainty._quantile(scores, level)

    def share(bound):
        return sum(np.mean(chip <= bound) for chip in scores) / (len(scores) + 1)

    assert found in np.concatenate(scores)
    assert share(found) >= level - 1e-9
    lower = [score for chip in scores for score in chip if score < found]
    assert not lower or share(max(lower)) < level + 1e-9


@pytest.mark.parametrize("level", [0.8, 0.9])
def test_new_chips_of_the_same_kind_are_covered(level):
    covered, network, count = [], Repeat(), 19
    for trial in range(25):
        hr, lr = chips(2 * count, seed=trial)
        calibration = calibrate(network, hr[:count], lr[:count], BYTE, level)
        covered.append(coverage(network, hr[count:], lr[count:], calibration).mean())
    # the mean over trials is between the level and what one infinite chip more adds to it
    error = 2 * np.std(covered) / np.sqrt(len(covered))
    assert level - error < np.mean(covered) < level + 1 / (count + 1) + error


def test_chips_that_were_calibrated_on_are_covered_a_little_more():
    hr, lr = chips(30)
    calibration = calibrate(Repeat(), hr, lr, BYTE, 0.9)
    shares = coverage(Repeat(), hr, lr, calibration)
    assert shares.shape == (30, 2)
    np.testing.assert_allclose(shares.mean(axis=0), 0.9 * 31 / 30, atol=1e-3)


def test_a_calibration_says_what_it_is():
    hr, lr = chips(12)
    found = calibrate(Repeat(), hr, lr, BYTE, 0.75, weights="lean, step 3")
    assert (found.level, found.value_range, found.weights) == (0.75, BYTE, "lean, step 3")
    assert (found.chips, found.pixels, found.scale) == (12, 12 * 24 * 24, uncertainty.LOCAL_SCALE)
    assert Calibration.model_validate_json(found.model_dump_json()) == found


def test_calibrations_do_not_change_and_know_their_fields():
    with pytest.raises(ValidationError):
        calibrated().level = 0.5
    with pytest.raises(ValidationError):
        calibrated(quantile=2.0)


def test_higher_levels_are_wider():
    hr, lr = chips(30)
    quantiles = [calibrate(Repeat(), hr, lr, BYTE, level).quantiles for level in (0.5, 0.8, 0.95)]
    assert (np.diff(quantiles, axis=0) > 0).all()


def test_errors_are_those_of_the_rounded_prediction():
    lr = np.full((12, 2, 16, 16), 100, np.uint8)
    quantiles = [
        calibrate(Repeat(added / 255), doubled(lr), lr, BYTE, 0.9).quantiles[0]
        for added in (0.4, 0.6)
    ]
    flat = 0.5 * np.sqrt(1.05 - 0.5)
    np.testing.assert_allclose(quantiles, [0, 1 / flat], rtol=1e-4)


def test_the_shaved_border_does_not_count():
    hr, lr = chips(12)
    expected = calibrate(Repeat(), hr, lr, BYTE, 0.9)
    hr[..., :4], hr[..., -4:] = 1e6, -1e6
    hr[..., :4, :], hr[..., -4:, :] = 1e6, -1e6
    assert calibrate(Repeat(), hr, lr, BYTE, 0.9) == expected


def test_large_chips_are_sampled_by_a_seed(monkeypatch):
    monkeypatch.setattr(uncertainty, "PIXELS_A_CHIP", 100)
    hr, lr = chips(12)
    first, again, other = (calibrate(Repeat(), hr, lr, BYTE, 0.9, seed=s) for s in (1, 1, 2))
    assert first.pixels == 1200
    assert first == again != other


def test_networks_get_whole_multiples_of_chips_of_any_size():
    network = Repeat(multiple=4)
    sizes = 12 * [(17, 22), (16, 31)]
    pairs = [chips(1, size=32)[1][0, :, :height, :width] for height, width in sizes]
    calibrate(network, map(doubled, pairs), iter(pairs), BYTE, 0.9)
    assert network.shapes == 12 * [(1, 2, 16, 20), (1, 2, 16, 28)]


def test_too_few_chips_for_the_level_are_named():
    hr, lr = chips(9)
    assert calibrate(Repeat(), hr, lr, BYTE, 0.9).chips == 9
    with pytest.raises(UserError, match="8 chips are too few to cover 90%") as caught:
        calibrate(Repeat(), hr[:8], lr[:8], BYTE, 0.9)
    assert "at least 9 chips" in caught.value.remedy


@pytest.mark.parametrize("level", [0, 1, 1.2, -0.5, float("nan")])
def test_levels_are_shares(level):
    with pytest.raises(UserError, match="a coverage of"):
        calibrate(Repeat(), *chips(12), BYTE, level)


def test_chips_too_small_to_score_are_named():
    with pytest.raises(UserError, match="4 x 4 low-resolution pixels"):
        calibrate(Repeat(), *chips(12, size=4), BYTE, 0.9)


def test_hr_and_lr_have_to_be_as_many():
    hr, lr = chips(12)
    with pytest.raises(ValueError, match="zip"):
        calibrate(Repeat(), hr, lr[:11], BYTE, 0.9)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"quantiles": (1.0, 2.0, 3.0)}, "3 bands, not 2"), ({"scale": "slope@7"}, "slope@7")],
)
def test_calibrations_of_something_else_are_refused(changes, problem):
    with pytest.raises(UserError, match=problem):
        interval(image(), calibrated(**changes))
