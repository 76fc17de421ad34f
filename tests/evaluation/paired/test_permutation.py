import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sen2naip_sr.evaluation.paired import permutation
from sen2naip_sr.evaluation.paired.permutation import sign_flip_p_value, smallest_p_value


def scipy_p_value(values, resamples):
    done = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=resamples, rng=1
    )
    return done.pvalue


@pytest.mark.parametrize("seed", range(5))
def test_enumeration_equals_scipy(seed):
    values = np.random.default_rng(seed).normal(0.5, 1, size=9)
    ours = sign_flip_p_value(values, range(9))
    assert ours == pytest.approx(scipy_p_value(values, np.inf))


def test_drawn_patterns_agree_with_scipy():
    values = np.random.default_rng(1).normal(0.25, 1, size=40)
    ours = sign_flip_p_value(values, range(40), permutations=9999)
    assert ours == pytest.approx(scipy_p_value(values, 9999), abs=0.015)


def test_chips_of_a_location_flip_together():
    places = np.repeat(range(5), [1, 2, 3, 4, 5])
    values = np.random.default_rng(2).normal(0.4, 1, size=places.size)
    observed = abs(values.mean())
    means = [
        abs((np.array(signs)[places] * values).mean())
        for signs in itertools.product([1, -1], repeat=5)
    ]
    expected = np.mean([mean >= observed - 1e-12 for mean in means])
    assert sign_flip_p_value(values, places) == pytest.approx(expected)


def test_equal_chips_of_a_location_say_no_more_than_one():
    values = np.array([0.3, 0.5, -0.1, 0.4, 0.2, 0.6])
    once = sign_flip_p_value(values, range(6))
    assert sign_flip_p_value(np.repeat(values, 20), np.repeat(range(6), 20)) == once


@pytest.mark.parametrize("permutations", [10_000, 199], ids=["all", "drawn"])
def test_p_values_are_uniform_where_there_is_no_difference(permutations):
    generator = np.random.default_rng(0)
    places = np.repeat(range(10), 3)
    p_values = []
    for seed in range(600):
        shared = generator.standard_normal((10, 1))
        values = (shared + generator.standard_normal((10, 3))).ravel()
        p_values.append(sign_flip_p_value(values, places, permutations=permutations, seed=seed))
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    for level in (0.05, 0.1, 0.5):
        spread = 3 * math.sqrt(level * (1 - level) / 600)
        assert np.mean(np.array(p_values) <= level) == pytest.approx(level, abs=spread)


def test_ignoring_locations_would_find_what_is_not_there():
    generator = np.random.default_rng(3)
    places = np.repeat(range(10), 6)
    found = {"together": 0, "apart": 0}
    for _ in range(100):
        values = np.repeat(generator.standard_normal(10), 6)
        values += 0.3 * generator.standard_normal(60)
        found["together"] += sign_flip_p_value(values, places, permutations=1024) <= 0.05
        found["apart"] += sign_flip_p_value(values, range(60), permutations=199) <= 0.05
    assert found["together"] <= 12 < found["apart"]


@pytest.mark.parametrize("locations", [[], ["a"], ["a", "a", "a"]])
def test_one_location_has_no_p_value(locations):
    assert math.isnan(sign_flip_p_value(np.ones(len(locations)), locations))


def test_the_smallest_p_value_is_reached_and_never_zero():
    for count in (2, 5, 9):
        assert sign_flip_p_value(np.ones(count), range(count)) == smallest_p_value(count, 10_000)
    assert smallest_p_value(5, 10_000) == 2 / 2**5
    drawn = sign_flip_p_value(np.ones(60), range(60), permutations=99)
    assert drawn == smallest_p_value(60, 99) == 0.01
    assert math.isnan(smallest_p_value(1, 99))


def test_no_difference_at_all_has_p_value_one():
    assert sign_flip_p_value(np.zeros(8), range(8)) == 1
    assert sign_flip_p_value(np.zeros(30), range(30), permutations=99) == 1


def test_chips_without_a_finite_difference_are_left_out():
    values = [1.0, np.nan, 2.0, -np.inf, 0.5, np.nan]
    expected = sign_flip_p_value([1.0, 2.0, 0.5], ["a", "b", "c"])
    assert sign_flip_p_value(values, ["a", "a", "b", "b", "c", "d"]) == expected


@given(
    st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 6)), min_size=2, max_size=20),
    st.randoms(),
)
@settings(max_examples=40, deadline=None)
def test_order_sign_and_unit_do_not_matter(pairs, random):
    def p_value(pairs, factor=1.0):
        values, places = zip(*pairs, strict=True)
        return sign_flip_p_value(np.multiply(values, factor), places)

    shuffled = random.sample(pairs, len(pairs))
    expected = pytest.approx(p_value(pairs), nan_ok=True)
    assert p_value(shuffled) == expected
    assert p_value(pairs, -1.0) == expected
    assert p_value(pairs, 1e-3) == expected


def test_the_seed_decides_the_draws_and_blocks_change_nothing(monkeypatch):
    values = np.random.default_rng(1).normal(0.2, 1, size=30)
    first = sign_flip_p_value(values, range(30), permutations=500, seed=7)
    exact = sign_flip_p_value(values[:9], range(9))
    assert sign_flip_p_value(values, range(30), permutations=500, seed=8) != first
    monkeypatch.setattr(permutation, "_BLOCK", 70)
    assert sign_flip_p_value(values, range(30), permutations=500, seed=7) == first
    assert sign_flip_p_value(values[:9], range(9)) == exact


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"\(2,\) and \(1,\)"):
        sign_flip_p_value([1.0, 2.0], ["a"])
    with pytest.raises(ValueError, match="permutations must be 1 or more: got 0"):
        sign_flip_p_value([1.0, 2.0], ["a", "b"], permutations=0)
