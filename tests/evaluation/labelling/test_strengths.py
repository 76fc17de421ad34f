"""Strengths of simulated judges are recovered."""

import numpy as np
import pytest

from sen2naip_sr.evaluation.labelling.strengths import (
    EVEN,
    LOSS,
    WIN,
    coverage,
    fit_strengths,
    simulate,
)


@pytest.mark.parametrize("methods", [3, 5])
def test_known_strengths_lie_in_all_intervals_at_once_in_nine_of_ten_simulations(methods):
    assert coverage(100, 60 * methods, methods) >= 0.9


def test_many_comparisons_give_the_strengths_and_the_share_of_ties():
    truth, ties = np.array([0.9, 0.1, -1.0]), 0.8
    first, second = (np.tile(side, 20_000) for side in ([0, 0, 1], [1, 2, 2]))
    outcomes = simulate(truth, ties, first, second, np.random.default_rng(0))
    found = fit_strengths("abc", first, second, outcomes)
    np.testing.assert_allclose(found.values, truth, atol=0.05)
    assert found.ties == pytest.approx(ties, rel=0.05)
    assert found.values.sum() == pytest.approx(0, abs=1e-9)


def test_two_methods_without_ties_have_the_logarithm_of_their_odds():
    outcomes = np.array([WIN] * 300 + [LOSS] * 100)
    zeros, ones = np.zeros(400, int), np.ones(400, int)
    found = fit_strengths("ab", zeros, ones, outcomes)
    assert found.values[0] - found.values[1] == pytest.approx(np.log(3), abs=0.02)


def test_sides_do_not_matter():
    random = np.random.default_rng(1)
    first, second = random.integers(0, 2, 200), random.integers(2, 4, 200)
    outcomes = random.choice([WIN, LOSS, EVEN], 200)
    one = fit_strengths("abcd", first, second, outcomes)
    other = fit_strengths("abcd", second, first, -outcomes)
    np.testing.assert_allclose(one.values, other.values, atol=1e-5)


def test_a_method_that_never_lost_has_a_finite_strength():
    zeros = np.zeros(20, int)
    found = fit_strengths("ab", zeros, zeros + 1, np.full(20, WIN))
    assert np.isfinite([found.values, found.low, found.high]).all()
    assert found.low[0] > found.values[1]
