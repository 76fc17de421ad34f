import numpy as np
import pytest
from made_chips import data, made_by

from sen2naip_sr.degradation import RECIPES
from sen2naip_sr.training.crops.band_jitter import jitter_bands
from sen2naip_sr.training.parameters.crops import BandJitterParameters


def smooth(hr):
    """Blur strongly, so that single values never reach far beyond their neighbours."""
    spectrum = np.fft.fft2(hr.astype(float))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(hr.shape[-2]), np.fft.fftfreq(hr.shape[-1])))
    return np.fft.ifft2(spectrum * (frequency < 0.2)).real


def jittered(source, seed=0, **limits):
    lr, hr = (np.stack(list(chips)) for chips in (source.lr, source.hr))
    changed = jitter_bands(
        np.random.default_rng(seed), lr, hr, source.value_range, BandJitterParameters(**limits)
    )
    return lr, hr, *changed


def mid_tones(dtype):
    """Chips whose values stay far from both ends of the range."""
    noise = np.random.default_rng(1).normal(size=(3, 4, 48, 48))
    return (100 + 20 * smooth(noise) / smooth(noise).std()).astype(dtype)


@pytest.mark.parametrize("name", [name for name in RECIPES if name != "blur_noise"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-3), (np.uint8, 2)])
def test_lr_stays_what_the_recipe_makes_of_hr(name, dtype, tolerance):
    source = data(name, hr=mid_tones(dtype))
    *_, lr, hr = jittered(source, gain=0.3, band_gain=0.1, offset=0.05)
    assert not np.array_equal(hr, np.stack(list(source.hr)))
    difference = np.abs(made_by(name, hr).astype(float) - lr)
    assert difference.max() <= tolerance


@pytest.mark.parametrize("name", ["area", "bicubic_antialiased"])
def test_lr_stays_what_the_recipe_makes_of_hr_at_the_ends_of_the_range(name):
    noise = mid_tones(float)
    full = (noise - noise.min()) / np.ptp(noise) * 250
    *_, lr, hr = jittered(data(name, hr=full.astype(np.float32)), gain=0.5, offset=0.3)
    assert hr.min() >= -1e-3
    assert max(hr.max(), lr.max()) <= 255 + 1e-3
    assert np.abs(made_by(name, hr) - lr).max() < 1e-3


def test_gain_is_common_to_the_bands_but_for_a_small_part():
    source = data(hr=np.full((500, 4, 2, 2), 100, np.float32))
    *_, hr = jittered(source, gain=0.08, band_gain=0.02)
    gains = hr[:, :, 0, 0] / 100
    assert gains.min() >= 0.9
    assert gains.max() <= 1.1
    assert gains.std() == pytest.approx(np.hypot(0.08, 0.02) / 3**0.5, rel=0.1)
    assert np.ptp(gains, axis=1).max() <= 0.04
    assert np.ptp(gains, axis=1).min() > 0


def test_a_band_at_the_end_of_the_range_keeps_the_others_from_changing_colour():
    hr = np.full((50, 2, 4, 4), 100, np.uint8)
    hr[:, 1] = 255
    *_, changed = jittered(data(hr=hr), gain=0.3, band_gain=0.0)
    ratios = changed[:, 1, 0, 0] / changed[:, 0, 0, 0]
    assert np.allclose(ratios, 2.55, atol=0.03)
    assert changed[:, 0].max() == 100
    assert changed[:, 0].min() < 80


def test_values_beyond_the_stated_range_go_no_further():
    hr = np.full((30, 1, 4, 4), 300.0, np.float32)
    *_, changed = jittered(data("area", hr=hr), gain=0.3)
    assert changed.max() <= 300
    assert changed.min() < 250


def test_without_limits_nothing_changes():
    lr, hr, *changed = jittered(data(), gain=0, band_gain=0, offset=0)
    assert all(map(np.array_equal, changed, (lr, hr)))


def test_missing_values_stay_missing_and_the_others_change():
    hr = np.full((1, 2, 4, 4), 100, np.float32)
    hr[0, 1] = np.nan
    *_, changed = jittered(data("area", hr=hr), gain=0.3)
    assert np.isnan(changed[0, 1]).all()
    assert np.isfinite(changed[0, 0]).all()
    assert changed[0, 0, 0, 0] != 100
