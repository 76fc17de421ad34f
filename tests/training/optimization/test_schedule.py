import math
import random
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.optim import lr_scheduler

from sen2naip_sr.training.optimization import schedule
from sen2naip_sr.training.optimization.schedule import Budget, ema_decay, learning_rate_factor
from sen2naip_sr.training.parameters.optimization import ScheduleName, ScheduleParameters

SHARES = st.floats(0, 1)
INNER_SHARES = st.floats(0.01, 0.99)
NAMES = st.sampled_from(ScheduleName.__args__)
PSNRS = st.lists(st.floats(0, 100), max_size=30)
SCHEDULES = st.builds(
    ScheduleParameters,
    name=NAMES,
    warmup_steps=st.integers(0, 1000),
    final=SHARES,
    peak_at=INNER_SHARES,
    start=SHARES,
    cycles=st.integers(1, 12),
    growth=st.floats(1, 10),
    factor=INNER_SHARES,
    patience=st.integers(1, 5),
    threshold=st.floats(0, 1),
)


def factor(progress, name="cosine", validations=(), step=10**6, **parameters):
    """The factor long after the warm-up, unless a step is given."""
    return learning_rate_factor(
        step, progress, ScheduleParameters(name=name, **parameters), validations
    )


def reference(make_scheduler, steps):
    """The learning rates of one of torch's schedulers, for a peak of 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make_scheduler(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler.step()
    return rates


@settings(deadline=None)
@given(st.integers(0, 10**6), SHARES, SCHEDULES, PSNRS)
def test_factor_lies_between_0_and_1(step, progress, parameters, validations):
    assert 0 <= learning_rate_factor(step, progress, parameters, validations) <= 1


@settings(deadline=None)
@given(SHARES, SHARES, SHARES, st.sampled_from(["cosine", "constant", "plateau"]))
def test_factor_only_falls_after_the_warm_up(progress, later, final, name):
    progress, later = sorted((progress, later))
    assert factor(later, name, final=final) <= factor(progress, name, final=final) + 1e-12


@pytest.mark.parametrize("name", ["cosine", "warm_restarts", "plateau", "constant"])
def test_warm_up_is_linear(name):
    factors = [factor(0.0, name, step=step, warmup_steps=4) for step in range(6)]
    assert factors == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])


def test_the_rise_of_one_cycle_needs_no_other_warm_up():
    assert factor(0.0, "one_cycle", step=0, warmup_steps=100, start=0.3) == pytest.approx(0.3)
    assert factor(0.3, "one_cycle", step=30, warmup_steps=100, peak_at=0.3) == 1


def test_cosine_goes_from_the_peak_through_the_middle_to_the_final_share():
    factors = [factor(progress, final=0.2) for progress in (0, 0.5, 1)]
    assert factors == pytest.approx([1.0, 0.6, 0.2])


def test_constant_stays():
    assert {factor(progress, "constant", final=0.2) for progress in (0, 0.3, 1)} == {1.0}


def test_cosine_is_torchs():
    expected = reference(lambda o: lr_scheduler.CosineAnnealingLR(o, 40, eta_min=0.1), 40)
    assert [factor(s / 40, final=0.1) for s in range(40)] == pytest.approx(expected)


def test_one_cycle_is_torchs():
    # torch counts from step 0 to the last one, and ends at the start divided by the last argument
    expected = reference(
        lambda o: lr_scheduler.OneCycleLR(
            o, 1.0, total_steps=41, pct_start=0.275, div_factor=20, final_div_factor=5
        ),
        40,
    )
    peak_at = (0.275 * 41 - 1) / 40
    found = [
        factor(s / 40, "one_cycle", peak_at=peak_at, start=1 / 20, final=1 / 100) for s in range(40)
    ]
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(("growth", "cycles", "total"), [(2, 3, 70), (1, 4, 40), (3, 1, 10)])
def test_warm_restarts_are_torchs(growth, cycles, total):
    expected = reference(
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 10, growth, eta_min=0.05), total
    )
    found = [
        # a little later, lest rounding puts a restart one step off
        factor((s + 1e-9) / total, "warm_restarts", cycles=cycles, growth=growth, final=0.05)
        for s in range(total)
    ]
    assert found == pytest.approx(expected, abs=1e-6)


@settings(deadline=None)
@given(st.integers(1, 100), st.floats(1, 10))
def test_warm_restarts_end_at_the_final_share(cycles, growth):
    last = factor(1.0, "warm_restarts", cycles=cycles, growth=growth, final=0.2)
    assert last == pytest.approx(0.2)


@pytest.mark.parametrize("seed", range(5))
def test_plateau_is_torchs(seed):
    psnrs = [30 + random.Random(seed + number).random() for number in range(60)]
    psnrs[20] = math.nan
    parameters = {"factor": 0.7, "patience": 3, "threshold": 0.1, "final": 0.2}
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(
        optimizer,
        "max",
        factor=0.7,
        patience=2,  # torch waits one more
        threshold=0.1,
        threshold_mode="abs",
        min_lr=0.2,
    )
    for number, psnr in enumerate(psnrs):
        scheduler.step(psnr)
        found = factor(0.5, "plateau", psnrs[: number + 1], **parameters)
        assert found == pytest.approx(optimizer.param_groups[0]["lr"])
    assert found < 0.7


def test_plateau_is_lowered_only_without_a_gain():
    gaining = [30 + 0.1 * number for number in range(20)]
    assert factor(0.9, "plateau", gaining, patience=2, threshold=0.05) == 1
    assert factor(0.9, "plateau", gaining, patience=2, threshold=0.5) < 1
    assert factor(0.9, "plateau", [30.0] * 3, patience=2, factor=0.4) == 0.4


@pytest.mark.parametrize(
    "mistake",
    [
        {"name": "linear"},
        {"peak_at": 1.0},
        {"growth": 0.5},
        {"factor": 1.0},
        {"patience": 0},
        {"final": 1.1},
        {"warmup_steps": -1},
        {"cycles": 0},
    ],
)
def test_refuses_values_out_of_range(mistake):
    with pytest.raises(ValidationError, match=next(iter(mistake))):
        ScheduleParameters(**mistake)


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


@settings(deadline=None)
@given(st.integers(0, 10**9), st.floats(0, 1, exclude_max=True))
def test_ema_decay_never_passes_its_largest_value(count, largest):
    assert 0 <= ema_decay(count, largest) <= largest


def test_ema_decay_grows_to_its_largest_value():
    assert ema_decay(0, 0.9) == 0.1
    assert ema_decay(8, 0.9) == 0.5
    assert ema_decay(10**6, 0.9) == 0.9
    assert math.isclose(ema_decay(10**6, 0.999999), (1 + 10**6) / (10 + 10**6))
