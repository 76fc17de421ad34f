"""The side-by-side figure: LR, best interpolation, best network, truth and both error maps."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from sen2naip_sr.degradation import SCALE
from sen2naip_sr.evaluation.examples import Example
from sen2naip_sr.evaluation.scoring import ALL_BANDS
from sen2naip_sr.models.registry import get_spec
from sen2naip_sr.raster.shards import Array

COLUMNS = 6
WIDTH, HEIGHT = 2.1, 1.575
"""A tile's size in inches; HEIGHT / WIDTH is also the shape of the part that is shown."""
GAP, CAPTION, HEADER, FOOTER, LABEL = 0.04, 0.3, 0.3, 0.45, 0.3
SMALLEST_LABEL = 6.0
ERROR_MAP = "magma"
SYNTHETIC_NOTE = "Synthetic landscapes, not observations."
NOTE = (
    "Scores of the whole chip over all bands, the better in bold; RMSE in digital numbers.\n"
    "Error maps: mean absolute error of the bands shown beside them, one scale for all."
)

Composite = tuple[str, tuple[int, ...]]


def draw_comparison(  # noqa: PLR0913 - the last three are keywords
    examples: Sequence[Example],
    scores: pd.DataFrame,
    names: tuple[str, str],
    *,
    data_range: float,
    crop: int,
    synthetic: bool,
) -> Figure:
    """Draw two rows a chip: colour (red, green, blue) and false colour (NIR, red, green).

    Args:
        examples: The chips.
        scores: Scores of the methods, for the captions.
        names: The interpolation's and the network's name.
        data_range: Distance between the digital numbers for 0 and 1.
        crop: Width of the part that is shown, in HR pixels, from the chip's centre.
        synthetic: Whether to say that the imagery is synthetic.
    """
    cropped = [_cropped(example, crop) for example in examples]
    composites = _composites(examples[0].truth.shape[0])
    norm = Normalize(0, _largest_error(cropped, data_range))
    figure, grid = _tiles(len(examples), len(composites))
    for rows, example in zip(grid, cropped, strict=True):
        for axes, composite in zip(rows, composites, strict=True):
            _draw_row(axes, example, composite, norm, data_range)
        _caption(rows[-1], scores, example.chip, names)
        _label(rows, f"{example.place}, chip {example.chip}")
    titles = [get_spec(name).title for name in names]
    heads = ["low resolution", *titles, "truth", *(f"error of {title}" for title in titles)]
    for axis, head in zip(grid[0][0], heads, strict=True):
        axis.set_title(head, fontsize=9, fontweight="bold", pad=5)
    _footer(figure, norm, synthetic)
    return figure


def _tiles(chips: int, rows: int) -> tuple[Figure, list[list[list[Axes]]]]:
    """Return a figure and its axes by chip, row and column, laid out to leave no space unused."""
    block = rows * (HEIGHT + GAP) + CAPTION
    width = LABEL + COLUMNS * (WIDTH + GAP)
    height = HEADER + chips * block + FOOTER
    figure = Figure(figsize=(width, height))

    def tile(chip: int, row: int, column: int) -> Axes:
        left = LABEL + column * (WIDTH + GAP)
        top = HEADER + chip * block + row * (HEIGHT + GAP)
        bottom = height - top - HEIGHT
        axis = figure.add_axes((left / width, bottom / height, WIDTH / width, HEIGHT / height))
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        return axis

    return figure, [
        [[tile(chip, row, column) for column in range(COLUMNS)] for row in range(rows)]
        for chip in range(chips)
    ]


def _composites(bands: int) -> list[Composite]:
    """Return what is shown of images with so many bands: names and band numbers from 0."""
    if bands >= 4:
        return [("red, green, blue", (0, 1, 2)), ("NIR, red, green", (3, 0, 1))]
    return [("bands 1, 2, 3", (0, 1, 2))] if bands == 3 else [("band 1", (0,))]


def _draw_row(
    axes: Sequence[Axes], example: Example, composite: Composite, norm: Normalize, data_range: float
) -> None:
    name, order = composite
    truth = example.truth[list(order)]
    low, high = np.percentile(truth, (1, 99), axis=(1, 2))
    images = [example.lr, example.interpolation, example.network, example.truth]
    for axis, image in zip(axes, images, strict=False):
        shown = _stretched(image[list(order)], low, high)
        axis.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    for axis, image in zip(axes[4:], images[1:3], strict=True):
        error = _error(image[list(order)], truth, data_range)
        axis.imshow(error, cmap=ERROR_MAP, norm=norm, interpolation="nearest", aspect="auto")
    box = {"facecolor": "black", "alpha": 0.6, "edgecolor": "none", "pad": 2}
    axes[0].text(
        0.02, 0.96, name, transform=axes[0].transAxes, va="top", fontsize=7, color="white", bbox=box
    )


def _caption(axes: Sequence[Axes], scores: pd.DataFrame, chip: int, names: tuple[str, str]) -> None:
    joint = scores[(scores["band"] == ALL_BANDS) & (scores["chip"] == chip)].set_index("method")
    interpolation, network = (joint.loc[name] for name in names)
    gain = network["psnr"] - interpolation["psnr"]
    texts = {
        1: f"{interpolation['psnr']:.2f} dB, SSIM {interpolation['ssim']:.3f}",
        2: f"{network['psnr']:.2f} dB ({gain:+.2f}), SSIM {network['ssim']:.3f}",
        4: f"RMSE {interpolation['rmse']:.2f}",
        5: f"RMSE {network['rmse']:.2f}",
    }
    winners = {1, 4} if gain < 0 else {2, 5} if gain > 0 else set()
    for column, text in texts.items():
        weight = "bold" if column in winners else "normal"
        axes[column].set_xlabel(text, fontsize=9, fontweight=weight, labelpad=3)


def _label(rows: Sequence[Sequence[Axes]], text: str) -> None:
    """Write a text along the left of a chip's rows, smaller where it is long, or its end alone."""
    top, bottom = rows[0][0].get_position().y1, rows[-1][0].get_position().y0
    length = len(rows) * (HEIGHT + GAP)
    # a character is about 0.6 of the font's size wide, a point 1/72 inch
    most = int(72 * length / (0.6 * SMALLEST_LABEL))
    text = text if len(text) <= most else f"…{text[1 - most :]}"
    size = min(9.0, 72 * length / (0.6 * len(text)))
    figure = rows[0][0].get_figure()
    assert figure is not None
    figure.text(0.006, (top + bottom) / 2, text, rotation=90, va="center", fontsize=size)


def _footer(figure: Figure, norm: Normalize, synthetic: bool) -> None:
    width, height = figure.get_size_inches()
    left = LABEL / width
    middle = FOOTER / 2 / height
    note = f"{SYNTHETIC_NOTE} {NOTE}" if synthetic else NOTE
    figure.text(left, middle, note, va="center", fontsize=8)
    span = 2 * WIDTH + GAP
    bar = figure.add_axes(((width - span - GAP) / width, 0.27 / height, span / width, 0.1 / height))
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
    columns = min(width // SCALE, full_width, math.ceil(full_height * WIDTH / HEIGHT))
    rows = min(round(columns * HEIGHT / WIDTH), full_height)
    top, left = (full_height - rows) // 2, (full_width - columns) // 2

    def cut(image: Array, scale: int) -> Array:
        window = (slice(scale * at, scale * (at + n)) for at, n in ((top, rows), (left, columns)))
        return image[:, *window]

    images = (example.interpolation, example.network, example.truth)
    return Example(
        example.chip, example.place, cut(example.lr, 1), *(cut(image, SCALE) for image in images)
    )


def _largest_error(examples: Sequence[Example], data_range: float) -> float:
    """Return the error (%) that all but the outliers of the interpolation stay below."""
    errors = [_error(e.interpolation, e.truth, data_range).ravel() for e in examples]
    return max(float(np.percentile(np.concatenate(errors), 99)), 0.1)


def _error(image: Array, truth: Array, data_range: float) -> Array:
    """Return the mean absolute error (H, W) of the bands, % of the range."""
    difference = image.astype(np.float64) - truth.astype(np.float64)
    return np.abs(difference).mean(axis=0) / data_range * 100


def _stretched(image: Array, low: Array, high: Array) -> Array:
    """Return (H, W, 3), or (H, W) for one band, in [0, 1] from ``low`` to ``high`` of each band."""
    span = np.maximum(high - low, 1e-9)
    stretched = np.clip((image.transpose(1, 2, 0) - low) / span, 0, 1)
    return stretched if stretched.shape[2] == 3 else stretched[..., 0]
