"""Figures of comparisons and cross-validations."""

from collections.abc import Callable, Sequence
from textwrap import shorten

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from sen2naip_sr.evaluation.figures.axes import plain
from sen2naip_sr.experiments.comparison.degradations import GAIN, HIGH, LOW
from sen2naip_sr.metrics.catalogue import METRICS, OVERVIEW

COSTS = {
    "parameters": "parameters",
    "multiply_adds": "multiply-adds per LR pixel",
    "milliseconds": "ms per megapixel (this machine)",
}
DPI = 120


def draw_costs(table: pd.DataFrame) -> Figure:
    """Draw PSNR against each cost; the Pareto front is joined by a line.

    Bars are 95 % intervals of the difference to the best variation.
    """
    best = table["psnr"].max()
    figure = Figure(figsize=(12.5, 4.4), dpi=DPI, layout="constrained")
    axes = figure.subplots(1, len(COSTS), sharey=True)
    colours = {name: f"C{n % 10}" for n, name in enumerate(sorted(table["variation"]))}
    for axis, (cost, title) in zip(axes, COSTS.items(), strict=True):
        front = table[table[f"on_front_{cost}"]].sort_values(cost)
        # extend the front to the largest cost: its best PSNR holds at every higher cost
        costs, psnr = [*front[cost], table[cost].max()], [*front["psnr"], front["psnr"].max()]
        label = "Pareto front (filled)"
        axis.step(costs, psnr, where="post", color="0.7", zorder=0, label=label)
        for _, row in table.iterrows():
            ends = best + row[["behind_low", "behind_high"]].to_numpy(float)
            axis.vlines(row[cost], *ends, color=colours[row["variation"]], alpha=0.6)
            axis.plot(
                row[cost],
                row["psnr"],
                linestyle="none",
                marker="o",
                markerfacecolor=colours[row["variation"]] if row[f"on_front_{cost}"] else "white",
                color=colours[row["variation"]],
                label=row["variation"],
            )
        axis.set(xscale="log", xlabel=title)
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("PSNR of held-out chips, dB")
    handles, labels = axes[0].get_legend_handles_labels()
    # the labels of the first panel: a variation once, the front once
    named = dict(zip(labels, handles, strict=True))
    figure.legend(
        list(named.values()), list(named), loc="outside right upper", frameon=False, fontsize=8
    )
    _explain(figure)
    return plain(figure)


def draw_qualities(table: pd.DataFrame) -> Figure:
    """Draw the few metrics that show what a loss trades for what."""
    figure = Figure(figsize=(12, 1.6 + 0.32 * len(table)), dpi=DPI, layout="constrained")
    axes = figure.subplots(1, len(OVERVIEW), sharey=True)
    for axis, key in zip(axes, OVERVIEW, strict=True):
        metric = METRICS[key]
        better = "higher" if metric.higher_is_better else "lower"
        stem = "behind" if key == "psnr" else f"behind_{key}"
        behind = table[[f"{stem}_low", f"{stem}_high"]].to_numpy(float)
        _rows(axis, table["variation"], table[key], table[key].iloc[0] + behind)
        axis.set_title(f"{metric.heading} ({better} is better)", fontsize=8)
    _explain(figure)
    return plain(figure)


def draw_intervals(table: pd.DataFrame) -> Figure:
    """Draw the difference of each variation to the best, with intervals."""
    figure = Figure(figsize=(8, 1.4 + 0.32 * len(table)), dpi=DPI, layout="constrained")
    axis = figure.subplots()
    intervals = table[["behind_low", "behind_high"]].to_numpy()
    _rows(axis, table["variation"], table["behind_best"], intervals)
    axis.axvline(0, color="0.5", linewidth=1)
    axis.set_xlabel("PSNR minus that of the best, dB, with 95 % intervals over locations")
    return plain(figure)


def draw_gains(table: pd.DataFrame) -> Figure:
    """Draw gains over Lanczos: trained on (rows) against tested on (columns)."""
    columns = [name for name in table.columns if str(name).startswith(GAIN)]
    gains = table[columns].to_numpy(float)
    intervals = np.stack(
        [
            table.reindex(columns=[part + name for name in columns]).to_numpy(float)
            for part in (LOW, HIGH)
        ],
        axis=1,
    )
    size = (2.5 + 1.05 * len(columns), 1.6 + 0.46 * len(table))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    axis = figure.subplots()
    largest = np.abs(gains).max() or 1.0
    axis.imshow(gains, cmap="RdBu", vmin=-largest, vmax=largest, aspect="auto")
    for row, column in np.ndindex(gains.shape):
        value = gains[row, column]
        colour = "white" if abs(value) > 0.7 * largest else "black"
        ends = intervals[row, :, column]
        known = f"\n[{ends[0]:+.2f}, {ends[1]:+.2f}]" if np.isfinite(ends).all() else ""
        axis.text(
            column, row, f"{value:+.2f}{known}", ha="center", va="center", color=colour, fontsize=7
        )
    axis.set_xticks(range(len(columns)), [name.removeprefix(GAIN) for name in columns], fontsize=8)
    axis.set_yticks(range(len(table)), list(table["variation"]), fontsize=8)
    axis.set(xlabel="tested on", ylabel="trained on")
    axis.set_title("mean gain over Lanczos in PSNR with its 95 % interval, dB", fontsize=9)
    return figure


def draw_folds(table: pd.DataFrame) -> Figure:
    """Draw scores and gains over interpolation of each fold and of all folds together."""
    figure = Figure(figsize=(10, 1.6 + 0.45 * len(table)), dpi=DPI, layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    names = [
        f"{row['fold']} ({row['n_chips']} chips)\n{shorten(row['places'], 44, placeholder=' ...')}"
        for _, row in table.iterrows()
    ]
    shown = {"psnr": "PSNR, dB", "delta_psnr": "gain over interpolation, dB"}
    for axis, (column, title) in zip(axes, shown.items(), strict=True):
        stem = column.removesuffix("_psnr")
        intervals = table[[f"{stem}_low", f"{stem}_high"]].to_numpy()
        _rows(axis, names, table[column], intervals)
        axis.axhline(len(table) - 1.5, color="0.8", linewidth=1)
        axis.set_xlabel(title)
    figure.suptitle("held-out chips, with 95 % intervals over locations", fontsize=10)
    axes[1].axvline(0, color="0.5", linewidth=1)
    return plain(figure)


def _explain(figure: Figure) -> None:
    text = "Bars: 95 % intervals, over locations, of the difference to the variation of best PSNR."
    figure.supxlabel(text, fontsize=8, color="0.4")


def _rows(
    axis: Axes,
    names: Sequence[str] | pd.Series,
    values: pd.Series,
    intervals: np.ndarray | None = None,
) -> None:
    positions = np.arange(len(values))
    if intervals is not None:
        axis.hlines(positions, intervals[:, 0], intervals[:, 1], color="tab:blue", alpha=0.6)
    axis.plot(values, positions, "o", color="tab:blue")
    axis.set_yticks(positions, list(names), fontsize=8)
    axis.set_ylim(len(values) - 0.5, -0.5)
    axis.tick_params(axis="x", labelsize=8)
    axis.grid(axis="x", alpha=0.3)


FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "cost": draw_costs,
    "losses": draw_qualities,
    "bars": draw_intervals,
    "gains": draw_gains,
}
"""By the name in `sen2naip_sr.experiments.comparison.parameters.ComparisonParameters.figure`."""
