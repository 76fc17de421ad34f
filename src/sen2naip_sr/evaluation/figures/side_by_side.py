"""The side-by-side figure: LR, best interpolation, networks, truth, and the error maps."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation import SCALE
from sen2naip_sr.evaluation.columns import ALL_BANDS, FAILED, noted
from sen2naip_sr.evaluation.comparison import failed_networks
from sen2naip_sr.evaluation.figures import tiles
from sen2naip_sr.evaluation.figures.examples import Example

GRID = tiles.TileGrid(
    columns=6, width=2.1, height=1.575, gap=0.04, label=0.3, header=0.3, caption=0.3, footer=0.45
)
"""Its tiles' height / width is also the shape of the part that is shown."""
LINE = 0.16
"""Height of a line of the header, in inches."""
DPI = 120
ERROR_MAP = "magma"
NOTE = (
    "Scores of the whole chip over all bands, the best in bold; RMSE in digital numbers.\n"
    "Error maps: mean absolute error of the bands shown beside them, one scale for all."
)


def draw_comparison(  # noqa: PLR0913 - the last three are keywords
    examples: Sequence[Example],
    scores: pd.DataFrame,
    names: Sequence[str],
    titles: Sequence[str],
    *,
    data_range: float,
    crop: int,
    synthetic: bool,
) -> Figure:
    """Draw two rows a chip: colour (red, green, blue) and false colour (NIR, red, green).

    Args:
        examples: The chips.
        scores: Scores of the methods, for the captions.
        names: Of the methods, the interpolation first.
        titles: Their names in the figure.
        data_range: Distance between the digital numbers for 0 and 1.
        crop: Width of the part that is shown, in HR pixels, from the chip's centre.
        synthetic: Whether to say that the imagery is synthetic.
    """
    cropped = [_cropped(example, crop) for example in examples]
    shown = tiles.composites(examples[0].truth.shape[0])
    errors = [_error(e.upscaled[0], e.truth, data_range).ravel() for e in cropped]
    # the scale ends where the outliers of the interpolation begin
    norm = Normalize(0, max(float(np.percentile(np.concatenate(errors), 99)), 0.1))
    named = [_title(*each, scores) for each in zip(names, titles, strict=True)]
    lines = 1 + max(title.count("\n") for title in named)
    # truth is beside the methods, and each has an error map
    layout = replace(GRID, columns=2 + 2 * len(names), header=LINE * lines + GRID.header - LINE)
    figure, grid = layout.draw(len(examples), len(shown), DPI)
    for rows, example in zip(grid, cropped, strict=True):
        for axes, composite in zip(rows, shown, strict=True):
            _draw_row(axes, example, composite, norm, data_range)
        _caption(rows[-1], scores, example.chip, names)
        tiles.write_label(rows, f"{example.place}, chip {example.chip}")
    heads = ["low resolution", *named, "truth", *(f"error of {title}" for title in named)]
    for axis, head in zip(grid[0][0], heads, strict=True):
        axis.set_title(head, fontsize=9, fontweight="bold", pad=5)
    _footer(figure, norm, synthetic)
    return figure


def _title(name: str, title: str, scores: pd.DataFrame) -> str:
    """Return a method's title with whether it failed; notes in brackets are on lines below."""
    failed = name in failed_networks(scores)
    head, bracket, notes = noted(title, FAILED if failed else "").partition(" (")
    return head + bracket.replace(" ", "\n") + notes.replace(", ", ",\n")


def _draw_row(
    axes: Sequence[Axes],
    example: Example,
    composite: tiles.Composite,
    norm: Normalize,
    data_range: float,
) -> None:
    images = [example.lr, *example.upscaled, example.truth]
    tiles.draw_composite(axes[: len(images)], images, example.truth, composite)
    order = list(composite[1])
    for axis, image in zip(axes[len(images) :], example.upscaled, strict=True):
        error = _error(image[order], example.truth[order], data_range)
        axis.imshow(error, cmap=ERROR_MAP, norm=norm, interpolation="nearest", aspect="auto")


def _caption(axes: Sequence[Axes], scores: pd.DataFrame, chip: int, names: Sequence[str]) -> None:
    joint = scores[(scores["band"] == ALL_BANDS) & (scores["chip"] == chip)].set_index("method")
    rows = joint.loc[list(names)].to_dict("records")
    interpolated, best = rows[0]["psnr"], max(row["psnr"] for row in rows)
    equal = all(row["psnr"] == best for row in rows)
    for number, row in enumerate(rows, 1):
        gain = f" ({row['psnr'] - interpolated:+.2f})" if number > 1 else ""
        weight = "bold" if row["psnr"] == best and not equal else "normal"
        texts = {
            number: f"{row['psnr']:.2f} dB{gain}, SSIM {row['ssim']:.3f}",
            1 + len(rows) + number: f"RMSE {row['rmse']:.2f}",
        }
        for column, text in texts.items():
            axes[column].set_xlabel(text, fontsize=9, fontweight=weight, labelpad=3)


def _footer(figure: Figure, norm: Normalize, synthetic: bool) -> None:
    width, height = figure.get_size_inches()
    left = GRID.label / width
    middle = GRID.footer / 2 / height
    note = f"{tiles.SYNTHETIC_NOTE} {NOTE}" if synthetic else NOTE
    figure.text(left, middle, note, va="center", fontsize=8)
    span = 2 * GRID.width + GRID.gap
    corner = ((width - span - GRID.gap) / width, 0.27 / height)
    bar = figure.add_axes((*corner, span / width, 0.1 / height))
    figure.colorbar(
        ScalarMappable(norm, ERROR_MAP), cax=bar, orientation="horizontal", extend="max"
    )
    bar.tick_params(labelsize=7, length=2, pad=1)
    bar.text(
        -0.02,
        0.5,
        "error, % of the range",
        transform=bar.transAxes,
        ha="right",
        va="center",
        fontsize=8,
    )


def _cropped(example: Example, width: int) -> Example:
    """Return the centre of an example, ``width`` HR pixels wide (even), in the tiles' shape."""
    _, full_height, full_width = example.lr.shape
    columns = min(width // SCALE, full_width, math.ceil(full_height * GRID.width / GRID.height))
    rows = min(round(columns * GRID.height / GRID.width), full_height)
    top, left = (full_height - rows) // 2, (full_width - columns) // 2

    def cut(image: Array, scale: int) -> Array:
        window = (slice(scale * at, scale * (at + n)) for at, n in ((top, rows), (left, columns)))
        return image[:, *window]

    return Example(
        example.chip,
        example.place,
        cut(example.lr, 1),
        tuple(cut(image, SCALE) for image in example.upscaled),
        cut(example.truth, SCALE),
    )


def _error(image: Array, truth: Array, data_range: float) -> Array:
    """Return the mean absolute error (H, W) of the bands, % of the range."""
    difference = image.astype(np.float64) - truth.astype(np.float64)
    return np.abs(difference).mean(axis=0) / data_range * 100
