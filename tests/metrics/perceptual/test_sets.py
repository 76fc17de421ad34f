"""Distances between sets of features, on distributions whose distance is known."""

import math

import pytest
import torch

from sen2naip_sr.metrics.perceptual.sets import frechet_distance, inception_score, kernel_distance

pytest.importorskip("torchmetrics")

WIDTH = 16


def draws(count, seed, shift=0.0, spread=1.0):
    generator = torch.Generator().manual_seed(seed)
    return shift + spread * torch.randn(count, WIDTH, generator=generator, dtype=torch.float64)


def test_a_set_has_no_frechet_distance_to_itself():
    assert frechet_distance(draws(200, 0), draws(200, 0)) == pytest.approx(0, abs=1e-6)


def test_the_frechet_distance_is_that_of_gaussians():
    """Of N(0, 1) and N(m, s²) in d dimensions it is d (m² + (s - 1)²)."""
    found = frechet_distance(draws(20_000, 0), draws(20_000, 1, shift=0.5, spread=1.5))
    assert found == pytest.approx(WIDTH * (0.25 + 0.25), rel=0.03)


def test_the_bias_of_the_frechet_distance_falls_with_the_number_of_samples():
    """Of equal distributions it is what the docstring states, halved by twice as many samples."""
    counts = (100, 200, 400, 800)
    found = [
        sum(frechet_distance(draws(n, s), draws(n, 100 + s)) for s in range(10)) / 10
        for n in counts
    ]
    stated = [(2 * WIDTH + WIDTH * (WIDTH + 1) / 2) / n for n in counts]
    for value, expected in zip(found, stated, strict=True):
        assert value == pytest.approx(expected, rel=0.15)


def test_the_kernel_distance_of_equal_distributions_is_0_on_average():
    found = torch.tensor([kernel_distance(draws(60, s), draws(60, 500 + s)) for s in range(60)])
    assert abs(float(found.mean())) < 3 * float(found.std()) / math.sqrt(len(found))
    assert (found < 0).any()


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_five_levels_of_noise_are_in_order(distance):
    truth = draws(300, 0)
    noise = draws(300, 1)
    found = [distance(truth + level * noise, truth) for level in (0.1, 0.3, 0.6, 1.0, 2.0)]
    assert found == sorted(found)
    assert len(set(found)) == len(found)


def test_the_inception_score_counts_the_classes_that_are_sure():
    sure = 50 * torch.eye(10, dtype=torch.float64).repeat(5, 1)
    assert inception_score(sure) == pytest.approx(10)
    assert inception_score(sure[:1].repeat(50, 1)) == pytest.approx(1)
    assert inception_score(torch.zeros(50, 10, dtype=torch.float64)) == pytest.approx(1)


def test_too_few_samples_have_no_distance():
    for distance in (frechet_distance, kernel_distance):
        assert math.isnan(distance(draws(1, 0), draws(1, 1)))
