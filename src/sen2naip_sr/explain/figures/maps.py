"""The rows of images and of attribution maps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from sen2naip_sr.arrays import Array
from sen2naip_sr.evaluation.figures.tiles import stretched
from sen2naip_sr.explain.attribution.measures import magnitude
from sen2naip_sr.explain.explanation import Explanation, Image
from sen2naip_sr.explain.figures.parts import bare, short_name, write_words

SHOWN = 20
"""LR pixels around the window that are shown."""
FLOOR = 1e-3
"""The weakest attribution that is shown, as a share of the strongest."""
HEAT = "inferno"
BOX: dict[str, Any] = {"fill": False, "linewidth": 1.5, "edgecolor": "#00e5ff"}


def draw_images(axes: Sequence[Axes], image: Image, found: Sequence[Explanation]) -> None:
    """Draw LR, the results and, if there is one, the truth around the window."""
    pictures = [image.lr, *(one.prediction for one in found)]
    titles = ["low resolution", *(_title(one) for one in found)]
    if image.truth is not None:
        pictures.append(image.truth)
        titles.append("truth")
    order = [0, 1, 2] if len(image.lr) >= 3 else [0]
    near, _, _ = _around(image.lr[order], found[0], 1)
    low, high = np.percentile(near.astype(np.float64), (1, 99), axis=(1, 2))
    for axis, picture, title in zip(axes, pictures, titles, strict=False):
        scale = picture.shape[-1] // image.lr.shape[-1]
        part, top, left = _around(picture[order], found[0], scale)
        axis.imshow(stretched(part, low, high), cmap="gray", vmin=0, vmax=1)
        _mark(axis, found[0], scale, top, left)
        axis.set_title(title, fontsize=10, weight="bold")
    for axis in axes:
        bare(axis)


def draw_maps(axes: Sequence[Axes], image: Image, found: Sequence[Explanation]) -> None:
    """Draw the attribution map of each network, and the checks of the maps."""
    write_words(
        axes[0],
        "Where it comes from",
        "Local attribution map: how much each input pixel contributes to the detail in the box. "
        "Logarithmic; black: less than a thousandth of the strongest pixel. Below: how many pixels "
        "hold 95 %, and what lies outside of the box.",
    )
    canvas_of, top, left = _around(image.lr[:1], found[0], 1)
    for axis, one in zip(axes[1:], found, strict=False):
        canvas = np.zeros(canvas_of.shape[1:])
        own = magnitude(one.attribution)
        _paste(canvas, own, one.window.top - one.reach - top, one.window.left - one.reach - left)
        shown = np.log10(np.maximum(canvas / max(float(own.max()), 1e-300), FLOOR))
        axis.imshow(shown, cmap=HEAT, vmin=np.log10(FLOOR), vmax=0)
        _mark(axis, one, 1, top, left)
        bare(axis)
        metres = (
            f", {one.spread.side_95 * image.pixel_metres:.0f} m square"
            if (image.pixel_metres)
            else ""
        )
        text = f"{one.spread.pixels_95} pixels{metres}; {one.spread.outside:.0%} outside"
        axis.set_xlabel(text, fontsize=8, labelpad=3)
    for axis in axes[1 + len(found) :]:
        _write_checks(axis, found)


def _title(one: Explanation) -> str:
    known = one.subject.trained and np.isfinite(one.psnr_gain)
    return short_name(one) + (f"  {one.psnr_gain:+.2f} dB" if known else "")


def _around(picture: Array, one: Explanation, scale: int) -> tuple[Array, int, int]:
    """Return the surroundings of the window in a picture, and their first row and column."""
    window = one.window
    top, left = (max(scale * (at - SHOWN), 0) for at in (window.top, window.left))
    bottom = scale * (window.top + window.height + SHOWN)
    right = scale * (window.left + window.width + SHOWN)
    return picture[:, top:bottom, left:right], top, left


def _mark(axis: Axes, one: Explanation, scale: int, top: int, left: int) -> None:
    w = one.window
    corner = scale * w.left - left - 0.5, scale * w.top - top - 0.5
    axis.add_patch(Rectangle(corner, scale * w.width, scale * w.height, **BOX))


def _paste(canvas: Array, own: Array, row: int, column: int) -> None:
    """Put a map into a canvas, from a row and a column on; what sticks out is cut off."""
    top, left = max(-row, 0), max(-column, 0)
    first_row, first_column = max(row, 0), max(column, 0)
    part = own[top:, left:][: len(canvas) - first_row, : canvas.shape[1] - first_column]
    canvas[first_row : first_row + len(part), first_column : first_column + part.shape[1]] = part


def _write_checks(axis: Axes, found: Sequence[Explanation]) -> None:
    axis.set_axis_off()
    lines = []
    for one in found:
        lines += [short_name(one), f"  completeness error {one.checks.completeness_error:.2%}"]
        if one.subject.trained:
            lines.append(f"  random weights: rank corr. {one.checks.random:.2f}")
        if np.isfinite(one.checks.captum):
            lines.append(f"  integrated gradients: corr. {one.checks.captum:.2f}")
    place: dict[str, Any] = {"va": "top", "transform": axis.transAxes}
    axis.text(0.02, 0.98, "Checks of the maps", fontsize=9, weight="bold", **place)
    axis.text(0.02, 0.87, "\n".join(lines), fontsize=8, linespacing=1.3, **place)
