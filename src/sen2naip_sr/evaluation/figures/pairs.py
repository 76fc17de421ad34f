"""The figure of real pairs: each method's gain on each pair, and its mean."""

import pandas as pd
from matplotlib.figure import Figure

from sen2naip_sr.evaluation.figures.axes import plain
from sen2naip_sr.evaluation.figures.forest import COLOURS, PLAIN
from sen2naip_sr.evaluation.pairs.scoring import BASELINE
from sen2naip_sr.evaluation.pairs.summary import summarise_pairs

WIDTH, ROW, FRAME = 8.0, 0.42, 1.2
"""Inches: the width of the figure, the height of a method, and of title and axis together."""


def draw_pairs(scores: pd.DataFrame) -> Figure:
    """Draw a row for each method, the best on top: a point for each pair, a bar for the mean.

    Args:
        scores: From `sen2naip_sr.evaluation.pairs.scoring.score_pairs`.
    """
    summary = summarise_pairs(scores)
    pairs = sorted(scores["pair"].unique())
    figure = Figure(figsize=(WIDTH, FRAME + ROW * len(summary)), dpi=120, layout="constrained")
    axes = figure.subplots()
    position = {method: row for row, method in enumerate(summary["method"])}
    several = len(pairs) <= len(COLOURS)
    for number, pair in enumerate(pairs):
        own = scores[scores["pair"] == pair]
        axes.scatter(
            own["gain"],
            own["method"].map(position),
            color=COLOURS[number] if several else PLAIN,
            label=pair if several else None,
            s=28,
            zorder=3,
        )
    axes.scatter(
        summary["gain"],
        summary["method"].map(position),
        color="black",
        marker="|",
        s=260,
        label="mean",
        zorder=2,
    )
    rows = summary["method"].map(position)
    axes.hlines(rows, summary["gain_low"], summary["gain_high"], color="black", zorder=2)
    axes.axvline(0, color=PLAIN, linewidth=1, zorder=1)
    axes.set_yticks(range(len(summary)), summary["method"])
    axes.invert_yaxis()
    axes.set_xlabel(f"gain over {BASELINE.capitalize()}, dB of the error of the detail")
    axes.set_title("Real pairs: how well the detail of the truth is predicted", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return plain(figure)
