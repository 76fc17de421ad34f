"""Shared parts of the figures: images on a grid of equal tiles, their colours and labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sen2naip_sr.arrays import Array

SYNTHETIC_NOTE = "Synthetic landscapes, not observations."
SMALLEST_LABEL = 6.0

Composite = tuple[str, tuple[int, ...]]


@dataclass(frozen=True)
class TileGrid:
    """A layout of equal tiles in blocks of rows. All sizes in inches.

    Attributes:
        columns: Tiles per row.
        width: Of a tile.
        height: Of a tile.
        gap: Between tiles.
        label: Left of the tiles.
        header: Above the first block.
        caption: Below every block.
        footer: Below the last caption.
    """

    columns: int
    width: float
    height: float
    gap: float
    label: float
    header: float
    caption: float
    footer: float

    def draw(self, blocks: int, rows: int, dpi: float) -> tuple[Figure, list[list[list[Axes]]]]:
        """Return an empty figure, and its axes by block, row of the block and column."""
        block = rows * (self.height + self.gap) + self.caption
        width = self.label + self.columns * (self.width + self.gap)
        height = self.header + blocks * block + self.footer
        figure = Figure(figsize=(width, height), dpi=dpi)

        def tile(number: int, row: int, column: int) -> Axes:
            left = self.label + column * (self.width + self.gap)
            top = self.header + number * block + row * (self.height + self.gap)
            corner = (left / width, (height - top - self.height) / height)
            axis = figure.add_axes((*corner, self.width / width, self.height / height))
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            return axis

        return figure, [
            [[tile(number, row, column) for column in range(self.columns)] for row in range(rows)]
            for number in range(blocks)
        ]


def composites(bands: int) -> list[Composite]:
    """Return the composites of images with so many bands: names, and band numbers from 0."""
    if bands >= 4:
        return [("red, green, blue", (0, 1, 2)), ("NIR, red, green", (3, 0, 1))]
    return [("bands 1, 2, 3", (0, 1, 2))] if bands == 3 else [("band 1", (0,))]


def draw_composite(
    axes: Sequence[Axes], images: Sequence[Array], truth: Array, composite: Composite
) -> None:
    """Draw images (C, H, W) side by side, stretched between the truth's 1 % and 99 % quantiles."""
    name, order = composite
    low, high = np.percentile(truth[list(order)], (1, 99), axis=(1, 2))
    for axis, image in zip(axes, images, strict=True):
        shown = stretched(image[list(order)], low, high)
        axis.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    box = {"facecolor": "black", "alpha": 0.6, "edgecolor": "none", "pad": 2}
    axes[0].text(
        0.02, 0.96, name, transform=axes[0].transAxes, va="top", fontsize=7, color="white", bbox=box
    )


def stretched(image: Array, low: Array, high: Array) -> Array:
    """Return (H, W, 3), or (H, W) for one band, in [0, 1] from ``low`` to ``high`` of each band."""
    span = np.maximum(high - low, 1e-9)
    values = np.clip((image.transpose(1, 2, 0) - low) / span, 0, 1)
    return values if values.shape[2] == 3 else values[..., 0]


def write_label(rows: Sequence[Sequence[Axes]], text: str, heading: str = "") -> None:
    """Write a line of text, below a short heading, along the left of a block's axes.

    It is smaller if it is long, or only its end is written.
    """
    figure = rows[0][0].get_figure()
    assert figure is not None
    top, bottom = rows[0][0].get_position().y1, rows[-1][0].get_position().y0
    length = (top - bottom) * figure.bbox.height / figure.dpi
    # a character is about 0.6 of the font's size wide, a point 1/72 inch
    most = int(72 * length / (0.6 * SMALLEST_LABEL))
    text = text if len(text) <= most else f"…{text[1 - most :]}"
    size = min(9.0, 72 * length / (0.6 * max(len(text), len(heading))))
    figure.text(
        0.07 / (figure.bbox.width / figure.dpi),
        (top + bottom) / 2,
        f"{heading}\n{text}" if heading else text,
        rotation=90,
        va="center",
        multialignment="center",
        fontsize=size,
    )
