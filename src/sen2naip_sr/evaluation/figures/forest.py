"""The forest plot of paired differences: mean, interval and every chip of each pair."""

import math
import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sen2naip_sr.evaluation.figures.axes import plain
from sen2naip_sr.evaluation.paired.verdict import is_shown
from sen2naip_sr.evaluation.runs.parameters import ComparingParameters
from sen2naip_sr.metrics.catalogue import METRICS
from sen2naip_sr.metrics.metric import Metric

WIDTH = 9.0
"""Width of the figure, inches; likewise the sizes below."""
ROW = 0.85
HEADER = 0.62
FOOTER = 0.98
RIGHT = 2.4
CHARACTER = 0.078
"""Width of a character of a label."""

COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
"""Colours of places: Paul Tol's bright scheme, which is safe for colour-blind readers."""

PLAIN = "#7f8c9b"
SHOWN, NOT_SHOWN = "black", "#8a8a8a"
BAR = -0.26
"""Position of the interval in its row, in rows below the middle."""
POINTS = (-0.08, 0.4)
"""Positions of the points of the first and the last location."""
LABEL = 24
"""Characters per line of a label."""


def draw_forest(
    differences: pd.DataFrame, comparison: pd.DataFrame, parameters: ComparingParameters
) -> Figure:
    """Draw a row for each pair: diamond and bar for mean and interval, a point for every chip.

    Chips of one location stand at one height, coloured by place where there are few places. The
    tables are those of `evaluation.runs.comparison`.
    """
    metric = METRICS[parameters.metric]
    height = HEADER + ROW * len(comparison) + FOOTER
    figure = Figure(figsize=(WIDTH, height), dpi=150)
    labels = [
        f"{textwrap.fill(pair['a'], LABEL)}\n{textwrap.fill('against ' + pair['b'], LABEL)}"
        for pair in comparison.to_dict("records")
    ]
    left = 0.4 + CHARACTER * max(len(line) for label in labels for line in label.split("\n"))
    width = WIDTH - left - RIGHT
    corner = (left / WIDTH, FOOTER / height)
    axes = figure.add_axes((*corner, width / WIDTH, ROW * len(comparison) / height))
    places = sorted(differences["place"].unique())
    # one place needs no colour, and too many cannot be told apart
    several = 1 < len(places) <= len(COLOURS)
    colours = dict(zip(places, COLOURS, strict=False)) if several else {}
    for row, pair in enumerate(comparison.to_dict("records")):
        own = differences[(differences["a"] == pair["a"]) & (differences["b"] == pair["b"])]
        _draw_points(axes, row, own, colours)
        _draw_interval(axes, row, pair)
        _write_row(axes, row, labels[row], pair, metric)
    _frame(axes, len(comparison), metric)
    _head(figure, axes, comparison, metric)
    _foot(figure, colours, parameters)
    return plain(figure)


def _draw_points(axes: Axes, row: int, own: pd.DataFrame, colours: dict[str, str]) -> None:
    _, level = np.unique(own["location"], return_inverse=True)
    first, last = POINTS
    heights = first + (last - first) * (level + 0.5) / (level.max(initial=0) + 1)
    axes.scatter(
        own["difference"],
        row + heights,
        s=float(np.clip(900 / max(len(own), 1), 4, 22)),
        c=[colours.get(place, PLAIN) for place in own["place"]],
        alpha=0.65,
        linewidths=0,
        zorder=2,
    )


def _draw_interval(axes: Axes, row: int, pair: dict) -> None:
    shown = is_shown(pair["verdict"])
    colour = SHOWN if shown else NOT_SHOWN
    mean, ends = pair["difference"], (pair["low"], pair["high"])
    style: dict[str, Any] = {"color": colour, "zorder": 3}
    if not math.isnan(pair["low"]):
        axes.plot(ends, [row + BAR] * 2, linewidth=2, marker="|", markersize=8, **style)
    axes.plot(
        mean,
        row + BAR,
        marker="D",
        markersize=5.5,
        markerfacecolor=colour if shown else "white",
        **style,
    )


def _write_row(axes: Axes, row: int, label: str, pair: dict, metric: Metric) -> None:
    across = axes.get_yaxis_transform()
    axes.text(-0.03, row, label, transform=across, ha="right", va="center", fontsize=9)
    verdict = pair["verdict"]
    if math.isnan(pair["low"]):
        numbers = ""
    else:
        ends = metric.amount(pair["difference"], pair["low"], pair["high"])
        numbers = f"{ends}\np = {pair['p_holm']:.2g}\n"
    if is_shown(verdict):
        verdict = verdict.partition(" by ")[0]
    axes.text(
        1.03,
        row,
        numbers + textwrap.fill(verdict, 34),
        transform=across,
        va="center",
        fontsize=8.5,
        linespacing=1.35,
    )


def _frame(axes: Axes, rows: int, metric: Metric) -> None:
    axes.set_ylim(rows - 0.5, -0.5)
    axes.axvline(0, color="black", linewidth=1, zorder=1)
    for row in range(1, rows):
        axes.axhline(row - 0.5, color="#dddddd", linewidth=0.8, zorder=0)
    low, high = axes.get_xlim()
    # keep zero in sight, with a margin on either side
    margin = 0.06 * (high - low)
    axes.set_xlim(min(low, -margin), max(high, margin))
    axes.set_yticks([])
    axes.grid(axis="x", color="#eeeeee", zorder=0)
    axes.set_axisbelow(True)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.tick_params(labelsize=8.5)
    unit = f", {metric.unit}" if metric.unit else ""
    axes.set_xlabel(f"difference in {metric.title}, first minus second{unit}", fontsize=9)


def _head(figure: Figure, axes: Axes, comparison: pd.DataFrame, metric: Metric) -> None:
    chips, locations = int(comparison["chips"].max()), int(comparison["locations"].max())
    figure.text(
        0.02,
        1 - 0.12 / figure.get_figheight(),
        f"{metric.title}, paired by chip: {chips} chips of {locations} locations",
        fontsize=11,
        fontweight="bold",
        va="top",
    )
    right, left = ("first", "second") if metric.higher_is_better else ("second", "first")
    options: dict[str, Any] = {
        "xycoords": ("data", "axes fraction"),
        "textcoords": "offset points",
        "fontsize": 8.5,
        "color": "#555555",
        "va": "bottom",
    }
    axes.annotate(f"{right} better →", (0, 1), (6, 3), ha="left", **options)
    axes.annotate(f"← {left} better", (0, 1), (-6, 3), ha="right", **options)


def _foot(figure: Figure, colours: dict[str, str], parameters: ComparingParameters) -> None:
    confidence = f"{100 * (1 - parameters.alpha):g} %"
    note = (
        f"Diamond and bar: mean and {confidence} interval (bootstrap over locations), filled where "
        "a difference is shown.\nPoints: chips, those of one location at one height"
    )
    height = figure.get_figheight()
    figure.text(
        0.02,
        0.1 / height,
        note + (", coloured by place." if colours else "."),
        fontsize=7.5,
        color="#555555",
        va="bottom",
    )
    if colours:
        figure.legend(
            handles=[
                Line2D([], [], marker="o", linestyle="", markersize=5, color=colour, label=place)
                for place, colour in colours.items()
            ],
            loc="lower right",
            bbox_to_anchor=(0.99, 0.05 / height),
            ncols=math.ceil(len(colours) / 2),
            fontsize=7.5,
            frameon=False,
            handletextpad=0.1,
            columnspacing=0.8,
        )
