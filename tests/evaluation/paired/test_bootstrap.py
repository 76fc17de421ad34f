import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sen2naip_sr.evaluation.paired import bootstrap
from sen2naip_sr.evaluation.paired.bootstrap import Interval, mean_interval, paired_difference


def clustered(places, chips, between, within, seed):
    """Return scores of mean 0 that share an effect in each place, and the places' names."""
    generator = np.random.default_rng(seed)
    effects = between * generator.standard_normal((places, 1))
    values = effects + within * generator.standard_normal((places, chips))
    names = np.repeat([f"place-{i}" for i in range(places)], chips)
    return values.ravel(), names


def test_one_chip_a_location_is_the_plain_percentile_bootstrap():
    values = np.random.default_rng(3).gamma(2.0, size=60)
    reference = stats.bootstrap(
        (values,), np.mean, n_resamples=8000, method="percentile", confidence_level=0.9, rng=1
    )
    interval = mean_interval(values, np.arange(60), draws=8000, confidence=0.9)
    tolerance = 0.12 * reference.standard_error
    assert interval.mean == pytest.approx(values.mean())
    assert interval.low == pytest.approx(reference.confidence_interval.low, abs=tolerance)
    assert interval.high == pytest.approx(reference.confidence_interval.high, abs=tolerance)


def test_locations_of_unequal_size_equal_a_loop_over_drawn_chips():
    places = np.repeat(np.arange(12), np.arange(1, 13))
    values = np.random.default_rng(5).normal(size=places.size) + (places == 11) * 3
    chips = [values[places == place] for place in range(12)]
    generator = np.random.default_rng(9)
    means = [
        np.concatenate([chips[place] for place in generator.integers(12, size=12)]).mean()
        for _ in range(4000)
    ]
    interval = mean_interval(values, places, draws=4000, confidence=0.8)
    assert interval.mean == pytest.approx(values.mean())
    assert interval.low == pytest.approx(np.quantile(means, 0.1), abs=0.1 * np.std(means))
    assert interval.high == pytest.approx(np.quantile(means, 0.9), abs=0.1 * np.std(means))


def test_chips_that_share_a_location_widen_the_interval():
    values, places = clustered(places=15, chips=10, between=1.0, within=0.3, seed=0)
    shared = mean_interval(values, places)
    independent = mean_interval(values, np.arange(values.size))
    assert shared.mean == independent.mean
    assert shared.high - shared.low > 2 * (independent.high - independent.low)


def test_the_interval_covers_the_true_mean_as_often_as_it_says():
    covered = 0
    for seed in range(200):
        values, places = clustered(places=40, chips=5, between=1.0, within=1.0, seed=seed)
        interval = mean_interval(values, places, draws=300, confidence=0.9)
        covered += interval.low <= 0 <= interval.high
    assert 0.83 <= covered / 200 <= 0.95


def test_a_higher_confidence_gives_a_wider_interval():
    values, places = clustered(places=20, chips=2, between=1.0, within=1.0, seed=1)
    half, most, nearly_all = (
        mean_interval(values, places, confidence=share) for share in (0.5, 0.9, 0.99)
    )
    assert nearly_all.low < most.low < half.low < half.high < most.high < nearly_all.high


def test_the_difference_of_shifted_copies_is_exact():
    values, places = clustered(places=12, chips=3, between=5.0, within=1.0, seed=2)
    b = np.round(values * 64) / 64
    assert paired_difference(b + 1.5, b, places) == Interval(1.5, 1.5, 1.5)


def test_pairing_removes_what_chips_have_in_common():
    values, places = clustered(places=20, chips=3, between=5.0, within=1.0, seed=4)
    gain = 0.1 + 0.05 * np.random.default_rng(0).standard_normal(values.size)
    difference = paired_difference(values + gain, values, places)
    alone = mean_interval(values, places)
    assert difference.mean == pytest.approx(gain.mean())
    assert 0 < difference.low < difference.mean < difference.high
    assert difference.high - difference.low < 0.05 * (alone.high - alone.low)


def test_swapping_the_methods_mirrors_the_interval():
    a, places = clustered(places=10, chips=2, between=1.0, within=1.0, seed=5)
    b, _ = clustered(places=10, chips=2, between=1.0, within=1.0, seed=6)
    there, back = paired_difference(a, b, places), paired_difference(b, a, places)
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))


def test_the_seed_decides_the_draws():
    values, places = clustered(places=10, chips=2, between=1.0, within=1.0, seed=0)
    first = mean_interval(values, places, seed=7)
    assert mean_interval(values, places, seed=7) == first
    assert mean_interval(values, places, seed=8).low != first.low


def test_blocks_of_draws_change_nothing(monkeypatch):
    values, places = clustered(places=10, chips=2, between=1.0, within=1.0, seed=0)
    whole = mean_interval(values, places, draws=101)
    monkeypatch.setattr(bootstrap, "_BLOCK", 70)
    assert mean_interval(values, places, draws=101) == whole


def test_chips_without_a_finite_score_are_left_out():
    values = [1.0, np.nan, 2.0, np.inf, 4.0, -np.inf]
    places = ["a", "a", "b", "b", "c", "d"]
    assert mean_interval(values, places) == mean_interval([1.0, 2.0, 4.0], ["a", "b", "c"])


def test_a_pair_counts_only_where_both_scores_are_finite():
    a = [1.0, np.nan, 5.0, np.inf, 2.0]
    b = [0.0, 1.0, np.nan, np.inf, 0.5]
    expected = mean_interval([1.0, 1.5], [0, 4])
    assert paired_difference(a, b, range(5)) == expected


@pytest.mark.parametrize(("values", "mean"), [([3.0, 5.0], 4.0), ([3.0, np.nan], 3.0)])
def test_one_location_has_a_mean_but_no_interval(values, mean):
    interval = mean_interval(values, ["a", "a"])
    assert interval.mean == mean
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_no_score_at_all_has_no_mean(values):
    interval = mean_interval(values, list(range(len(values))))
    assert all(math.isnan(end) for end in (interval.mean, interval.low, interval.high))


@given(
    values=st.lists(st.floats(-100, 100), min_size=2, max_size=20),
    shift=st.floats(-50, 50),
    data=st.data(),
)
@settings(max_examples=40, deadline=None)
def test_the_interval_lies_within_the_scores_and_moves_with_them(values, shift, data):
    size = len(values)
    places = data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    interval = mean_interval(values, places, draws=50)
    moved = mean_interval(np.add(values, shift), places, draws=50)
    assert (moved.low, moved.high) == pytest.approx(
        (interval.low + shift, interval.high + shift), abs=1e-9, nan_ok=True
    )
    if len(set(places)) > 1:
        assert min(values) - 1e-9 <= interval.low <= interval.high <= max(values) + 1e-9


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (([1.0, 2.0], ["a"]), {}, r"\(2,\) and \(1,\)"),
        (([[1.0]], [["a"]]), {}, r"\(1, 1\)"),
        (([1.0], ["a"]), {"draws": 0}, "draws .* got 0"),
        (([1.0], ["a"]), {"confidence": 1.0}, "confidence .* got 1.0"),
        (([1.0], ["a"]), {"confidence": 0.0}, "confidence .* got 0.0"),
    ],
)
def test_bad_input_is_refused_by_name_and_value(arguments, options, words):
    with pytest.raises(ValueError, match=words):
        mean_interval(*arguments, **options)


def test_methods_scored_on_different_chips_are_refused():
    with pytest.raises(ValueError, match=r"\(3,\) and \(1,\)"):
        paired_difference([1.0, 2.0, 3.0], [1.0], ["a", "b", "c"])
