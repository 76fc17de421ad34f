"""The gain of every method at every place, as points on one axis."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sen2naip_sr.evaluation.figures.axes import plain
from sen2naip_sr.evaluation.test_sets.page import by_place, names_of, place_title
from sen2naip_sr.evaluation.test_sets.table import BASELINE

WIDTH, ROW, MARGINS = 9.0, 0.55, 1.4
"""In inches."""
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
"""Colours of the networks: Paul Tol's bright scheme, which is safe for colour-blind readers."""
MARKERS = "oDsv^P"
PLAIN, PLAIN_MARKERS = "#9aa5b1", "1234+x"
SPREAD = 0.6
"""Share of a row that the networks are spread over."""


def draw_gains(table: pd.DataFrame) -> Figure:
    """Draw a row for each place, and in it a point and a 95 % interval for each method.

    Interpolations are grey. The table is that of `sen2naip_sr.evaluation.test_sets.table`.
    """
    places = by_place(table)
    figure = Figure(figsize=(WIDTH, MARGINS + ROW * len(places)), layout="constrained")
    axes = figure.add_subplot()
    named = names_of(table)
    for style in _styles(table):
        label = named[style["method"]]
        _draw_method(axes, [rows for _, rows in places], label, **style)
    _frame(axes, [place_title(*where) for where, _ in places])
    figure.legend(loc="outside lower center", ncols=4, fontsize=8.5, frameon=False)
    return plain(figure)


def _styles(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return how each method is drawn: its name, its offset in the row, colour and marker."""
    methods = table.drop_duplicates("method")
    networks = methods.loc[methods["trained"], "method"].tolist()
    plain = methods.loc[~methods["trained"] & (methods["method"] != BASELINE), "method"].tolist()
    offsets = np.linspace(-SPREAD / 2, SPREAD / 2, len(networks)) if len(networks) > 1 else [0.0]
    styles = [
        {
            "method": name,
            "offset": 0.0,
            "color": PLAIN,
            "marker": PLAIN_MARKERS[number % len(PLAIN_MARKERS)],
        }
        for number, name in enumerate(plain)
    ]
    return styles + [
        {
            "method": name,
            "offset": float(offset),
            "color": COLOURS[number % len(COLOURS)],
            "marker": MARKERS[number % len(MARKERS)],
        }
        for number, (name, offset) in enumerate(zip(networks, offsets, strict=False))
    ]


def _draw_method(
    axes: Axes,
    places: list[pd.DataFrame],
    label: str | None,
    method: str,
    offset: float,
    **style: Any,
) -> None:
    for row, place in enumerate(places):
        for _, own in place[place["method"] == method].iterrows():
            ends = [own["gain_low"], own["gain_high"]]
            axes.plot(ends, [row + offset] * 2, color=style["color"], linewidth=1.5, zorder=2)
            axes.plot(
                own["gain"],
                row + offset,
                linestyle="",
                markersize=5.5,
                label=label,
                zorder=3,
                **style,
            )
            label = None


def _frame(axes: Axes, titles: list[str]) -> None:
    axes.axvline(0, color="black", linewidth=1, zorder=1)
    axes.set_yticks(range(len(titles)), titles, fontsize=9)
    axes.set_ylim(len(titles) - 0.5, -0.5)
    for row in range(1, len(titles)):
        axes.axhline(row - 0.5, color="#dddddd", linewidth=0.8, zorder=0)
    axes.set_xlabel("gain over Lanczos, dB of PSNR, with its 95 % interval", fontsize=9)
    axes.grid(axis="x", color="#eeeeee", zorder=0)
    axes.set_axisbelow(True)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.tick_params(labelsize=8.5)
