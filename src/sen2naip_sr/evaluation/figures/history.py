"""The curves of a training at a glance."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sen2naip_sr.evaluation.figures.axes import plain

PANELS = {
    "validation_psnr": "PSNR of validation chips, dB",
    "loss": "training loss",
    "learning_rate": "learning rate",
}
"""Columns of the history, and the titles of their axes."""


def draw_history(history: pd.DataFrame) -> Figure:
    """Draw what the history of a training has of `PANELS`, against the step."""
    names = [name for name in PANELS if name in history and history[name].notna().any()]
    figure = Figure(figsize=(7, 0.4 + 1.9 * max(len(names), 1)), dpi=100, layout="constrained")
    panels = figure.subplots(max(len(names), 1), 1, sharex=True, squeeze=False)[:, 0]
    for axis, name in zip(panels, names, strict=False):
        _draw(axis, history, name)
    if not names:
        panels[0].set_title("the history has no entries", fontsize=9)
    panels[-1].set_xlabel("step")
    return plain(figure)


def _draw(axis: Axes, history: pd.DataFrame, name: str) -> None:
    known = history[history[name].notna()]
    axis.plot(known["step"], known[name], marker="o" if len(known) < 40 else None, markersize=3)
    axis.set_title(PANELS[name], fontsize=9, loc="left")
    axis.grid(alpha=0.3)
