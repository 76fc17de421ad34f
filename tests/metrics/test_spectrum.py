import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.metrics.spectrum import radial_power_spectrum, spectral_distance

TWICE_IN_DB = 20 * math.log10(2)


def noise(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def wave(side, vertical, horizontal):
    """A plane wave, frequencies in cycles per pixel, (1, 1, side, side)."""
    y, x = torch.meshgrid(*[torch.arange(side, dtype=torch.float64)] * 2, indexing="ij")
    return torch.sin(2 * math.pi * (vertical * y + horizontal * x))[None, None]


def test_white_noise_has_its_variance_at_every_frequency():
    _, power = radial_power_spectrum(3 * noise(8, 4, 64, 64), bins=8)
    torch.testing.assert_close(power.mean(dim=0), torch.full_like(power[0], 9.0), rtol=0.1, atol=0)


@pytest.mark.parametrize("angle", [0, 0.4, math.pi / 4, 2, math.pi / 2])
@pytest.mark.parametrize("frequency", [0.1, 0.25, 0.44])
def test_a_wave_peaks_at_its_frequency_whatever_its_direction(angle, frequency):
    image = wave(64, frequency * math.sin(angle), frequency * math.cos(angle))
    frequencies, power = radial_power_spectrum(image, bins=32)
    # the wave may lie on the border of two bins
    assert abs(frequencies[power[0].argmax()] - frequency) <= 0.5 / 32
    far = (frequencies - frequency).abs() > 4 * 0.5 / 32
    assert power[0, far].max() < 1e-3 * power[0].max()


def test_equals_a_plain_computation_with_numpy():
    image = noise(1, 2, 20, 31)
    window = np.outer(np.hanning(20), np.hanning(31))
    means = np.average(image[0].reshape(2, -1), axis=1, weights=window.ravel())
    modulus = np.abs(np.fft.fft2((image[0].numpy() - means[:, None, None]) * window))
    power = (modulus**2).mean(0) / (window**2).sum()
    frequencies, found = radial_power_spectrum(image, bins=10)
    for number, centre in enumerate(frequencies.tolist()):
        ring = [
            power[row, column]
            for row, y in enumerate(np.fft.fftfreq(20))
            for column, x in enumerate(np.fft.fftfreq(31))
            if abs(math.hypot(y, x) - centre) < 0.025 - 1e-9 and math.hypot(y, x) <= 0.5
        ]
        assert found[0, number].item() == pytest.approx(np.mean(ring), rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(height=st.integers(16, 50), width=st.integers(16, 50), bins=st.integers(1, 8))
def test_any_size_has_power_in_every_bin_up_to_half_a_cycle(height, width, bins):
    frequencies, power = radial_power_spectrum(noise(2, 1, height, width).float(), bins)
    assert power.shape == (2, bins)
    assert (power > 0).all()
    assert frequencies.tolist() == pytest.approx([0.5 * k / bins for k in range(1, bins + 1)])


@pytest.mark.parametrize("side", range(16, 36))
def test_no_bin_is_empty_at_the_finest_resolution(side):
    _, power = radial_power_spectrum(noise(1, 1, side, 37), side // 2)
    assert power.isfinite().all()


def test_flips_turns_and_a_constant_leave_the_spectrum_as_it_is():
    image = noise(1, 2, 32, 32)
    _, power = radial_power_spectrum(image, 16)
    for same in (image.flip(-1), image.rot90(1, (-2, -1)), image + 5):
        torch.testing.assert_close(radial_power_spectrum(same, 16)[1], power)


def test_twice_the_amplitude_is_six_decibels_away_in_both_directions():
    image = noise(3, 4, 40, 24)
    expected = torch.full((3,), TWICE_IN_DB, dtype=torch.float64)
    torch.testing.assert_close(spectral_distance(2 * image, image), expected)
    torch.testing.assert_close(spectral_distance(image, 2 * image), expected)


def test_equal_images_have_no_distance():
    for image in (noise(2, 4, 16, 16), torch.zeros(2, 1, 16, 16), torch.full((2, 1, 17, 19), 0.3)):
        assert spectral_distance(image, image).tolist() == [0, 0]


def test_different_constants_have_no_distance_and_texture_a_finite_one_to_them():
    flat = torch.full((1, 1, 48, 48), 0.3)
    assert spectral_distance(flat, flat + 0.4) == 0
    distance = spectral_distance(flat, noise(1, 1, 48, 48).float())
    assert 20 < distance < 200


def test_only_frequencies_above_the_limit_count():
    texture = 0.01 * noise(1, 1, 64, 64)
    slow, fast = wave(64, 0.0, 0.05), wave(64, 0.0, 0.3)
    assert spectral_distance(texture + slow, texture) < 0.5
    assert spectral_distance(texture + fast, texture) > 3
    assert spectral_distance(texture + fast, texture, above=0.45) < 0.5


def test_a_blurred_prediction_is_further_away_the_more_it_is_blurred():
    truth = noise(1, 4, 64, 64)
    once = torch.nn.functional.avg_pool2d(truth, 3, stride=1, padding=1)
    twice = torch.nn.functional.avg_pool2d(once, 3, stride=1, padding=1)
    assert spectral_distance(twice, truth) > spectral_distance(once, truth) > 3


def test_half_precision_is_computed_in_single():
    image = noise(1, 1, 16, 16).to(torch.bfloat16)
    assert radial_power_spectrum(image, 4)[1].dtype == torch.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: radial_power_spectrum(torch.zeros(1, 1, 15, 30), 4), "15 x 30"),
        (lambda: radial_power_spectrum(torch.zeros(1, 1, 16, 30), 9), "give 1 to 8"),
        (lambda: radial_power_spectrum(torch.zeros(1, 1, 16, 30), 0), "give 1 to 8"),
        (lambda: spectral_distance(torch.zeros(1, 1, 16, 16), torch.zeros(1, 2, 16, 16)), "shapes"),
        (
            lambda: spectral_distance(torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16), 0.5),
            "above 0.5",
        ),
    ],
)
def test_refuses_what_has_no_spectrum(call, message):
    with pytest.raises(ValueError, match=message):
        call()
