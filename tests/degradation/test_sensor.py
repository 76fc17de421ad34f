"""Random sensors: what they draw, and what they make of HR."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from sen2naip_sr.degradation import RECIPES
from sen2naip_sr.degradation.draws import Draws
from sen2naip_sr.degradation.parameters import SensorParameters
from sen2naip_sr.degradation.sensor import draw_sensors, observe
from sen2naip_sr.models.conditions import RECIPE_BLUR, Conditions

MANY, BANDS = 4000, 4
NO = {"blurred": 0, "noisy": 0, "compressed": 0, "deeper": 0}


def draws(images, seed=0):
    return Draws(images, torch.Generator().manual_seed(seed))


def drawn(images=MANY, deep=False, **parameters):
    return draw_sensors(
        SensorParameters(**parameters), torch.full((images,), deep), BANDS, draws(images)
    )


def observed(hr, **parameters):
    sensors = drawn(len(hr), **parameters)
    return observe(hr, sensors, draws(len(hr), seed=1))


def smooth(images=6, size=64):
    """8-bit images without much detail."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand((images, BANDS, size // 8, size // 8), generator=generator)
    fine = F.interpolate(coarse, size=(size, size), mode="bicubic").clamp(0.2, 0.8)
    return (fine * 255).round() / 255


def test_a_clean_sensor_is_the_recipe():
    hr = smooth()
    lr, conditions = observed(hr, clean=1)
    expected = RECIPES["bicubic_antialiased"].downscale(hr, None).clamp(0, 1)
    torch.testing.assert_close(lr, (expected * 255).round() / 255)
    recipe = Conditions.of_recipe(BANDS).encode(BANDS).expand(len(hr), -1)
    torch.testing.assert_close(conditions.encode(), recipe, atol=1e-3, rtol=0)


def test_the_same_generator_draws_the_same():
    first, second = observed(smooth(), clean=0), observed(smooth(), clean=0)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1].encode(), second[1].encode())


def test_noise_is_as_strong_as_the_conditions_say():
    lr, conditions = observed(smooth(size=128), clean=0, noisy=1, noise=(4, 4), **_without("noisy"))
    clean, _ = observed(smooth(size=128), clean=0, **NO)
    found = (lr - clean).std(dim=(2, 3))
    torch.testing.assert_close(found, conditions.noise, rtol=0.1, atol=0)


def test_shot_noise_grows_with_the_signal():
    hr = torch.full((1, BANDS, 128, 128), 0.2)
    hr[..., 64:] = 0.8
    sensors = replace(
        drawn(1, clean=1),
        noise=torch.full((1, BANDS), 0.02),
        shot=torch.ones(1),
        levels=torch.full((1,), 10000.0),
    )
    lr, _ = observe(hr, sensors, draws(1))
    dark, bright = lr[..., :30].std(), lr[..., 34:].std()
    assert float(bright / dark) == pytest.approx(2, rel=0.05)


def test_wider_point_spread_functions_are_told_as_wider():
    _, conditions = observed(smooth(), clean=0, blurred=1, blur=(2, 2.4), **_without("blurred"))
    assert (conditions.vertical > RECIPE_BLUR).all()
    assert (conditions.horizontal > RECIPE_BLUR).all()


def test_shares_are_those_of_the_parameters():
    sensors = drawn(clean=0, noisy=0.3, compressed=0.5, wavelets=0.25, blurred=0.6)
    assert float((sensors.noise > 0).any(1).float().mean()) == pytest.approx(0.3, abs=0.03)
    assert float((sensors.table > 0).float().mean()) == pytest.approx(0.375, abs=0.03)
    assert float((sensors.step > 0).float().mean()) == pytest.approx(0.125, abs=0.03)
    assert float((sensors.vertical > 0).any(1).float().mean()) == pytest.approx(0.6, abs=0.03)
    counts = sensors.decimation.bincount(minlength=4) / MANY
    assert counts.tolist() == pytest.approx([0.45, 0.2, 0.2, 0.15], abs=0.03)


def test_what_is_compressed_by_wavelets_has_no_known_compression():
    sensors = drawn(8, clean=0, **NO | {"compressed": 1}, wavelets=1)
    lr, conditions = observe(smooth(8), sensors, draws(8))
    plain, _ = observe(smooth(8), replace(sensors, step=torch.zeros(8)), draws(8))
    assert not conditions.compression_known.any()
    assert not torch.equal(lr, plain)


def test_compression_loses_more_at_a_lower_quality():
    def loss(quality):
        sensors = drawn(6, clean=0, **NO | {"compressed": 1}, wavelets=0, quality=(quality,) * 2)
        lr, _ = observe(smooth(), sensors, draws(6))
        plain, _ = observe(smooth(), replace(sensors, table=torch.zeros(6)), draws(6))
        return float((lr - plain).square().mean())

    assert 0 < loss(95) < loss(75) < loss(50)


def test_deep_sensors_are_not_compressed_and_keep_what_is_brighter_than_the_range():
    sensors = drawn(deep=True, clean=0)
    assert not sensors.table.any()
    assert not sensors.step.any()
    lr, _ = observe(1.5 * torch.ones(4, BANDS, 32, 32), drawn(4, deep=True, clean=1), draws(4))
    torch.testing.assert_close(lr, torch.full((4, BANDS, 16, 16), 1.5))


def _without(*names):
    return {name: value for name, value in NO.items() if name not in names}
