"""Trainings that were too short to say anything, which no finding may rest on."""

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.figure import Figure

from sen2naip_sr.experiments.running.outcome import Outcome

FEWEST_STEPS = 10
"""With fewer steps, what is compared is the initial weights: the warm-up alone takes longer."""


def too_short(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Return the steps of those trainings that took too few, by name; failed ones do not count."""
    return {
        outcome.name: outcome.steps
        for outcome in outcomes
        if not outcome.error and outcome.steps < FEWEST_STEPS
    }


def nothing_said(short: Mapping[str, int]) -> str:
    """Say that nothing can be said, because of trainings that were `too_short`."""
    return f"Nothing can be said: {_listed(short)}. Train for longer."


def left_out(short: Mapping[str, int]) -> str:
    """Say that trainings that were `too_short` are left out; empty where there is none."""
    return f" Left out: {_listed(short)}." if short else ""


def mark_short(figure: Figure, short: Mapping[str, int]) -> Figure:
    """Write above a figure of trainings that were `too_short` that it says nothing."""
    fewest = min(short.values())
    text = f"Says nothing: {_steps(fewest)} are too few" if fewest != 1 else SINGLE
    figure.suptitle(text, fontsize=10, color="tab:red")
    return figure


SINGLE = "Says nothing: 1 step is too few"
MOST_NAMES = 6


def _listed(short: Mapping[str, int]) -> str:
    names: Sequence[str] = [f"{name} ({_steps(steps)})" for name, steps in short.items()]
    more = len(names) - MOST_NAMES
    listed = ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f"{listed} took fewer than {FEWEST_STEPS} steps, too few to learn anything"


def _steps(steps: int) -> str:
    return "1 step" if steps == 1 else f"{steps} steps"
