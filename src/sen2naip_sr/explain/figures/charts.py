"""The row of charts: what was added, with truth or without."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from sen2naip_sr.evaluation.figures.gains import PLAIN
from sen2naip_sr.explain.detail.frequency import NYQUIST_OF_LR
from sen2naip_sr.explain.explanation import Explanation
from sen2naip_sr.explain.figures.parts import colour_of, short_name

TRIPLE = {"improvement": "#228833", "omission": "#c8c8c8", "hallucination": "#cc3311"}
LOWEST = 0.1
"""The lowest frequency that is drawn: below, nearly nothing is missing."""
SIGNS = {
    "consistency": "Disagrees with the input:\nRMSE after downscaling, digital numbers",
    "disagreement": "Unsure: change if flipped and turned,\ndigital numbers",
    "beyond": "Power beyond the input's limit,\ndB over bicubic",
}
HEIGHT = 0.6


def draw_charts(axes: Sequence[Axes], found: Sequence[Explanation]) -> None:
    """Draw what was added by frequency, the three shares, and the error by distance to an edge."""
    _draw_frequencies(axes[0], found)
    _draw_triple(axes[1], found)
    _draw_errors(axes[2], found)
    _plain(axes)


def draw_signs(axes: Sequence[Axes], found: Sequence[Explanation]) -> None:
    """Draw the three signs of invented detail that need no truth."""
    names = [short_name(one) for one in found]
    colours = [colour_of(found, one) for one in found]
    for axis, (key, title) in zip(axes, SIGNS.items(), strict=True):
        values = [float(getattr(one, key)) for one in found]
        bars = axis.barh(names, values, color=colours, height=HEIGHT)
        axis.bar_label(bars, fmt="%.2f", fontsize=8, padding=3)
        axis.invert_yaxis()
        axis.margins(x=0.2)
        axis.set_title(title, fontsize=9.5, weight="bold")
    _plain(axes)


def _plain(axes: Sequence[Axes]) -> None:
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)


def _draw_frequencies(axis: Axes, found: Sequence[Explanation]) -> None:
    for one in found:
        if one.frequencies is None:
            continue
        high = one.frequencies[one.frequencies["frequency"] >= LOWEST]
        at, colour, name = high["frequency"], colour_of(found, one), short_name(one)
        axis.plot(at, 100 * high["restored"], color=colour, label=f"{name}: in the truth")
        axis.plot(at, 100 * high["invented"], ":", color=colour, label=f"{name}: not in the truth")
    axis.axvline(NYQUIST_OF_LR, ymax=112 / 150, color="#888888", linewidth=0.8)
    axis.text(NYQUIST_OF_LR + 0.005, 108, "input's limit", fontsize=7.5, va="bottom")
    axis.set(ylim=(0, 150), yticks=range(0, 101, 25), xlim=(LOWEST, 0.5))
    axis.set_title("Added, % of the missing detail", fontsize=10, weight="bold")
    axis.set_xlabel("frequency, cycles per pixel of the result", fontsize=8)
    axis.legend(fontsize=7, frameon=False, loc="upper right", ncols=2, columnspacing=1)


def _draw_triple(axis: Axes, found: Sequence[Explanation]) -> None:
    names = [short_name(one) for one in found]
    start = np.zeros(len(found))
    for name, colour in TRIPLE.items():
        values = np.array([100 * getattr(one.correctness, name) for one in found])
        axis.barh(names, values, left=start, color=colour, label=name, height=HEIGHT)
        ink = "black" if name == "omission" else "white"
        for row, (left, value) in enumerate(zip(start, values, strict=True)):
            if value >= 5:
                axis.text(
                    left + value / 2, row, f"{value:.0f}", color=ink, ha="center", va="center",
                    fontsize=8,
                )  # fmt: skip
        start = start + values
    axis.set(xlim=(0, 100), ylim=(len(found) - 0.5, -0.95))
    axis.set_title("Real, missing, invented, %", fontsize=10, weight="bold")
    axis.set_xlabel("of where input and truth differ most", fontsize=8)
    axis.legend(
        fontsize=7, frameon=False, ncols=3, loc="upper center", columnspacing=1, handlelength=1
    )


def _draw_errors(axis: Axes, found: Sequence[Explanation]) -> None:
    curves = [
        one.profiles[one.profiles["measure"] == "distance to an edge"].set_index("group")["rmse"]
        for one in found
        if one.profiles is not None
    ]
    for one, curve in zip(found[:-1], curves[:-1], strict=True):
        shares = 100 * (curve / curves[-1]).to_numpy()
        groups = [str(group).removesuffix(" px") for group in curve.index]
        colour = colour_of(found, one)
        axis.plot(groups, shares, marker="o", markersize=4, color=colour, label=short_name(one))
    axis.axhline(100, color=PLAIN, linewidth=1)
    axis.set_title("Error, % of bicubic's", fontsize=10, weight="bold")
    axis.set_xlabel("distance to an edge, pixels of the result", fontsize=8)
    axis.legend(fontsize=7.5, frameon=False)
