"""The figure of a search: its history, the importances, and two slices."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sen2naip_sr.evaluation.figures.axes import plain
from sen2naip_sr.experiments.tuning.parameters import RangeParameters

DPI = 120
SLICES = 2


def draw_search(
    table: pd.DataFrame, importance: Mapping[str, float], space: Mapping[str, RangeParameters]
) -> Figure:
    """Draw a search from its `trial_table`; the importances are empty if they are not known."""
    figure = Figure(figsize=(11, 7), dpi=DPI, layout="constrained")
    axes = figure.subplots(2, 2)
    _draw_history(axes[0, 0], table)
    _draw_importance(axes[0, 1], importance, int((table["state"] == "complete").sum()))
    ranked = sorted(space, key=lambda name: -importance.get(name, 0.0))
    limits = axes[0, 0].get_ylim()
    for axis, name in zip(axes[1], ranked, strict=False):
        _draw_slice(axis, table, name, space[name])
        axis.set_ylim(limits)
    for axis in axes[1, len(ranked) :]:
        axis.set_axis_off()
    return plain(figure)


def _draw_history(axis: Axes, table: pd.DataFrame) -> None:
    complete, pruned = _states(table)
    axis.plot(complete["trial"], complete["psnr"], "o", color="tab:blue", label="complete")
    axis.plot(pruned["trial"], pruned["last_psnr"], "x", color="0.5", label="pruned")
    own = complete[complete["own"].astype(bool)]
    axis.plot(own["trial"], own["psnr"], "s", color="tab:orange", label="own parameters")
    if "behind_low" in complete:
        ends = complete["psnr"].max() + complete[["behind_low", "behind_high"]].to_numpy(float)
        label = "95 % interval of the difference to the best"
        axis.vlines(complete["trial"], *ends.T, color="tab:blue", alpha=0.4, label=label)
    best = complete["psnr"].cummax()
    axis.step(complete["trial"], best, where="post", color="tab:blue", label="best so far")
    failed = table[table["state"] == "fail"]
    for number in failed["trial"]:
        axis.axvline(number, color="tab:red", alpha=0.3, linewidth=1)
    _limit(axis, complete, pruned)
    axis.set(xlabel="trial", ylabel="validation PSNR, dB", title="Course of the search")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(fontsize=8, loc="lower right")
    axis.grid(alpha=0.3)


def _draw_importance(axis: Axes, importance: Mapping[str, float], complete: int) -> None:
    axis.set_title(f"Share of the variance explained (fANOVA, {complete} trials)", fontsize=11)
    if not importance:
        axis.text(0.5, 0.5, "too few complete trials", ha="center", transform=axis.transAxes)
        axis.set_axis_off()
        return
    names = sorted(importance, key=lambda name: importance[name])
    axis.barh([_short(name) for name in names], [importance[name] for name in names])
    axis.set_xlim(0, 1)
    axis.grid(axis="x", alpha=0.3)


def _draw_slice(axis: Axes, table: pd.DataFrame, name: str, found: RangeParameters) -> None:
    complete, pruned = _states(table)
    styles = (
        (complete, "psnr", {"marker": "o", "c": complete["trial"], "cmap": "viridis"}),
        (pruned, "last_psnr", {"marker": "x", "c": "0.5"}),
    )
    for rows, score, style in styles:
        if len(rows):
            axis.scatter(_positions(rows[name], found), rows[score], **style)
    if found.choices is not None:
        axis.set_xticks(range(len(found.choices)), [str(choice) for choice in found.choices])
    elif found.log:
        axis.set_xscale("log")
    axis.set(xlabel=_short(name), ylabel="validation PSNR, dB")
    axis.set_title("later trials are lighter", fontsize=8)
    axis.grid(alpha=0.3)


def _states(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return table[table["state"] == "complete"], table[table["state"] == "pruned"]


def _positions(values: pd.Series, found: RangeParameters) -> np.ndarray:
    if found.choices is None:
        return values.to_numpy(dtype=float)
    # a table that was read from a file has lost the types of its values
    places = {_key(choice): number for number, choice in enumerate(found.choices)}
    return np.array([places.get(_key(value), np.nan) for value in values], dtype=float)


def _key(value: Any) -> str:
    if pd.isna(value):
        return "None"
    return f"{float(value):g}" if isinstance(value, int | float) else str(value)


def _limit(axis: Axes, complete: pd.DataFrame, pruned: pd.DataFrame) -> None:
    """Leave out scores far below the others, such as that of a diverged trial."""
    scores = pd.concat([complete["psnr"], pruned["last_psnr"]]).dropna().to_numpy(dtype=float)
    top, middle = scores.max(), np.median(scores)
    low = max(scores.min(), top - 4 * max(top - middle, 0.05))
    margin = 0.08 * max(top - low, 0.05)
    axis.set_ylim(low - margin, top + margin)


def _short(name: str) -> str:
    return name.partition(".")[2] or name
