"""The figure on intrinsic dimension: subspaces at the left, points at the right."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sen2naip_sr.evaluation.figures.axes import plain
from sen2naip_sr.experiments.dimension.d90 import SHARE, d90
from sen2naip_sr.experiments.dimension.estimators import ESTIMATORS, Estimate, EstimatorName

WIDTH, LEAST_HEIGHT, DPI = 11.0, 4.6, 120
TITLES: dict[EstimatorName, str] = {"two_nn": "TwoNN", "mle": "maximum likelihood"}
COLOURS: dict[EstimatorName, str] = {"two_nn": "#0072b2", "mle": "#d55e00"}
GAIN, WHOLE, GOAL = "#0072b2", "#444444", "#d55e00"
"""Okabe and Ito's colours, which are safe for colour-blind readers."""
APART = 0.2
"""Distance between the estimates of one kind of points, in rows."""


Ends = tuple[float, float]


def draw_dimension(  # noqa: PLR0913 - the last is a keyword
    gains: Mapping[int, float],
    full: float,
    weights: int,
    estimates: Mapping[str, Sequence[Estimate]],
    share: float = SHARE,
    *,
    intervals: Mapping[int | None, Ends] | None = None,
) -> Figure:
    """Draw the gains in subspaces, and the intrinsic dimension of points.

    Args:
        gains: Gain over bicubic in dB by the subspace's dimension; one or more.
        full: Gain of the network trained with all its weights, dB.
        weights: How many it has.
        estimates: Estimates by the kind of points, in the order to be shown, from the top.
        share: The share of the gain to be reached.
        intervals: The gains' 95 % intervals by the subspace's dimension, dB; None: of all weights.
    """
    height = max(LEAST_HEIGHT, 1.4 + 0.5 * len(estimates))
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_gains(left, gains, full, weights, share)
    _draw_intervals(left, gains, intervals or {})
    _draw_estimates(right, estimates)
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    return plain(figure)


def _draw_gains(
    axis: Axes, gains: Mapping[int, float], full: float, weights: int, share: float
) -> None:
    dimensions = sorted(gains)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.plot(dimensions, [gains[dimension] for dimension in dimensions], "o-", color=GAIN)
    _draw_level(axis, full, f"all {weights:,} weights: {full:.2f} dB", WHOLE)
    # without a gain there is no share to reach
    if full > 0:
        _draw_level(axis, share * full, f"{100 * share:.0f} %: {share * full:.2f} dB", GOAL)
        _mark_reached(axis, gains, full, share)
    axis.set_xlabel("dimension of the subspace")
    axis.set_ylabel("gain over bicubic, dB")
    axis.set_title("Trained in random subspaces", fontsize=11, fontweight="bold")
    axis.grid(alpha=0.25)


def _draw_intervals(
    axis: Axes, gains: Mapping[int, float], intervals: Mapping[int | None, Ends]
) -> None:
    found = [(dimension, *intervals[dimension]) for dimension in gains if dimension in intervals]
    if found:
        dimensions, low, high = zip(*found, strict=True)
        axis.vlines(dimensions, low, high, color=GAIN, alpha=0.6)
        axis.set_ylabel("gain over bicubic with its 95 % interval, dB")
    if None in intervals and np.isfinite(intervals[None]).all():
        axis.axhspan(*intervals[None], color=WHOLE, alpha=0.1, linewidth=0)


def _draw_level(axis: Axes, level: float, said: str, colour: str) -> None:
    axis.axhline(level, color=colour, linewidth=1, linestyle="--")
    axis.annotate(
        said,
        (0.015, level),
        xycoords=axis.get_yaxis_transform(),
        xytext=(0, 2),
        textcoords="offset points",
        fontsize=9,
        color=colour,
    )


def _mark_reached(axis: Axes, gains: Mapping[int, float], full: float, share: float) -> None:
    """Mark where the gain comes to the goal, or say that no subspace does."""
    name, reached = f"d{100 * share:.0f}", d90(gains, full, share)
    style: dict[str, Any] = {"color": GOAL, "fontweight": "bold", "fontsize": 10}
    if reached is None:
        said = f"{name} not reached up to {max(gains):,}"
        axis.text(0.98, 0.03, said, transform=axis.transAxes, ha="right", **style)
        return
    axis.axvline(reached, color=GOAL, linewidth=1, linestyle=":")
    axis.plot([reached], [share * full], marker="D", color=GOAL)
    # beside the foot of the line, where there is more room
    late = reached**2 > min(gains) * max(gains)
    axis.annotate(
        f"{name} = {reached:,}",
        (reached, 0.03),
        xycoords=axis.get_xaxis_transform(),
        xytext=(-6 if late else 6, 0),
        textcoords="offset points",
        ha="right" if late else "left",
        **style,
    )


def _draw_estimates(axis: Axes, estimates: Mapping[str, Sequence[Estimate]]) -> None:
    for number, name in enumerate(ESTIMATORS):
        shift = (number - (len(ESTIMATORS) - 1) / 2) * APART
        found = [
            (row + shift, estimate)
            for row, kind in enumerate(estimates.values())
            for estimate in kind
            if estimate.estimator == name
        ]
        _draw_estimator(axis, name, found)
    axis.set_yticks(range(len(estimates)), list(estimates))
    axis.set_ylim(len(estimates) - 0.5, -0.5)
    # the room at the right is for the last value's text
    axis.set_xlim(0, 1.1 * axis.dataLim.x1)
    axis.set_xlabel("intrinsic dimension, with its 95 % interval")
    axis.set_title("Estimated from points", fontsize=11, fontweight="bold")
    axis.grid(axis="x", alpha=0.25)
    axis.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=len(ESTIMATORS), frameon=False
    )


def _draw_estimator(
    axis: Axes, name: EstimatorName, found: Sequence[tuple[float, Estimate]]
) -> None:
    rows = [row for row, _ in found]
    values = np.array([[e.low, e.dimension, e.high] for _, e in found]).reshape(-1, 3)
    reach = np.abs(values[:, [0, 2]] - values[:, [1]]).T
    axis.errorbar(
        values[:, 1],
        rows,
        xerr=reach,
        fmt="o",
        color=COLOURS[name],
        capsize=3,
        markersize=5,
        label=TITLES[name],
    )
    for row, value in zip(rows, values, strict=True):
        end = value[2] if np.isfinite(value[2]) else value[1]
        axis.annotate(
            f"{value[1]:.1f}",
            (end, row),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=COLOURS[name],
        )
