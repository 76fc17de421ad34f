from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from sen2naip_sr.experiments.running.length import (
    FEWEST_STEPS,
    left_out,
    mark_short,
    nothing_said,
    too_short,
)
from sen2naip_sr.experiments.running.outcome import Outcome


def outcome(number, steps, error=None):
    return Outcome(
        name=f"n{number}", model="lean", tags={}, fingerprint="", steps=steps, error=error
    )


@given(st.lists(st.integers(0, 3 * FEWEST_STEPS)))
def test_exactly_the_short_ones_are_found(steps):
    found = too_short(outcome(number, taken) for number, taken in enumerate(steps))
    assert found == {f"n{n}": taken for n, taken in enumerate(steps) if taken < FEWEST_STEPS}


def test_a_failed_training_is_not_short_but_failed():
    assert too_short([outcome(0, 0, "out of memory")]) == {}


@given(st.dictionaries(st.sampled_from([f"n{n}" for n in range(12)]), st.integers(1, 9)))
def test_what_is_said_names_the_short_ones_and_counts_the_rest(short):
    if not short:
        assert left_out(short) == ""
        return
    for text in (nothing_said(short), left_out(short)):
        named = sum(f"{name} (" in text for name in short)
        assert named + (len(short) - 6 if len(short) > 6 else 0) == len(short)
        assert (" more took" in text) == (len(short) > 6)
        assert "1 steps" not in text


def test_a_figure_says_that_it_says_nothing():
    assert (
        mark_short(Figure(), {"a": 1, "b": 4}).get_suptitle() == "Says nothing: 1 step is too few"
    )
    text = mark_short(Figure(), {"a": 3, "b": 4}).get_suptitle()
    assert text == "Says nothing: 3 steps are too few"
