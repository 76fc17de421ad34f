import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sen2naip_sr.training import schedule
from sen2naip_sr.training.schedule import Budget, ema_decay, learning_rate_factor

SHARES = st.floats(0, 1)


@given(st.integers(0, 10**6), SHARES, st.integers(0, 1000), SHARES)
def test_factor_lies_between_0_and_1(step, progress, warmup, final):
    assert 0 <= learning_rate_factor(step, progress, warmup, final) <= 1


@given(SHARES, SHARES, SHARES)
def test_factor_only_falls_after_the_warm_up(progress, later, final):
    progress, later = sorted((progress, later))
    now = learning_rate_factor(100, progress, 50, final)
    assert learning_rate_factor(100, later, 50, final) <= now + 1e-12


def test_warm_up_is_linear():
    factors = [learning_rate_factor(step, 0.0, 4, 0.01) for step in range(6)]
    assert factors == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])


def test_cosine_goes_from_the_peak_through_the_middle_to_the_final_share():
    factors = [learning_rate_factor(9, progress, 0, 0.2) for progress in (0, 0.5, 1)]
    assert factors == pytest.approx([1.0, 0.6, 0.2])


def test_budget_of_steps_counts_steps():
    budget = Budget(steps=40, minutes=None)
    assert [budget.progress(step) for step in (0, 10, 40, 50)] == [0, 0.25, 1, 1]
    assert budget.total == 40


def test_budget_of_minutes_follows_the_clock(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(schedule.time, "perf_counter", lambda: now)
    budget = Budget(steps=None, minutes=2, spent=30)
    assert budget.total == 120
    assert budget.progress(12345) == 0.25
    now += 60
    assert (budget.elapsed, budget.progress(0)) == (90, 0.75)
    now += 1000
    assert budget.progress(0) == 1


@given(st.integers(0, 10**9), st.floats(0, 1, exclude_max=True))
def test_ema_decay_never_passes_its_largest_value(count, largest):
    assert 0 <= ema_decay(count, largest) <= largest


def test_ema_decay_grows_to_its_largest_value():
    assert ema_decay(0, 0.9) == 0.1
    assert ema_decay(8, 0.9) == 0.5
    assert ema_decay(10**6, 0.9) == 0.9
    assert math.isclose(ema_decay(10**6, 0.999999), (1 + 10**6) / (10 + 10**6))
