"""The side-by-side figure: LR, best interpolation, best network, truth and both error maps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sen2naip_sr.degradation import SCALE
from sen2naip_sr.evaluation.scoring import ALL_BANDS
from sen2naip_sr.raster.shards import Array

TILE_INCHES = 2.1
SYNTHETIC_NOTE = "Synthetic landscapes, not observations."


@dataclass(frozen=True)
class Example:
    """One chip as every method shows it.

    Attributes:
        chip: Its number.
        place: Where it lies.
        lr: (C, h, w) digital numbers.
        interpolation: (C, 2h, 2w) of the best interpolation.
        network: (C, 2h, 2w) of the best network, or of the second-best interpolation where there
            is no network.
        truth: (C, 2h, 2w).
    """

    chip: int
    place: str
    lr: Array
    interpolation: Array
    network: Array
    truth: Array


def choose_chips(scores: pd.DataFrame, method: str, count: int) -> list[int]:
    """Return chips that show the range of difficulty: spread over the PSNR of ``method``.

    Args:
        scores: From `sen2naip_sr.evaluation.scoring.score_methods`.
        method: Whose PSNR orders the chips, hardest first.
        count: At most so many.
    """
    joint = scores[(scores["band"] == ALL_BANDS) & (scores["method"] == method)]
    ordered = joint.sort_values("psnr")["chip"].to_numpy()
    # the middle of each of `count` equal parts: neither the very hardest nor the very easiest
    at = (np.arange(min(count, len(ordered))) + 0.5) / min(count, len(ordered)) * len(ordered)
    return [int(chip) for chip in ordered[at.astype(int)]]


def draw_comparison(
    examples: Sequence[Example],
    scores: pd.DataFrame,
    names: tuple[str, str],
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
        crop: Side of the part that is shown, in HR pixels, from the chip's centre.
        synthetic: Whether to say that the imagery is synthetic.
    """
    bands = examples[0].truth.shape[0]
    composites = [("colour", (0, 1, 2)), ("NIR, red, green", (3, 0, 1))]
    composites = composites if bands >= 4 else [("bands", tuple(range(min(bands, 3))))]
    rows = len(examples) * len(composites)
    figure = Figure(figsize=(6 * TILE_INCHES, rows * TILE_INCHES * 1.12 + 0.5), layout="constrained")
    axes = figure.subplots(rows, 6, squeeze=False)
    for number, example in enumerate(examples):
        for offset, (title, order) in enumerate(composites):
            line = axes[number * len(composites) + offset]
            _draw_row(line, example, order, crop, data_range)
            line[0].set_ylabel(title, fontsize=8)
        line = axes[number * len(composites)]
        _caption(line, example, scores, names)
    note = f"{SYNTHETIC_NOTE} " if synthetic else ""
    figure.suptitle(
        f"{note}Error maps: mean absolute error of the bands, white = 0, black = 10 % of the range.",
        fontsize=9,
    )
    return figure


def _draw_row(
    axes: Sequence[Axes], example: Example, order: Sequence[int], crop: int, data_range: float
) -> None:
    images = [example.interpolation, example.network, example.truth]
    lr = _centre(example.lr, crop // SCALE)
    shown = [_centre(image, crop).astype(np.float64) for image in images]
    low, high = np.percentile(shown[2][list(order)], (1, 99), axis=(1, 2))
    for axis, image in zip(axes, [lr, *shown], strict=False):
        axis.imshow(_composite(image, order, low, high), interpolation="nearest")
    for axis, image in zip(axes[4:], shown[:2], strict=True):
        error = np.abs(image - shown[2]).mean(axis=0) / data_range
        axis.imshow(error, cmap="gray_r", vmin=0, vmax=0.1, interpolation="nearest")
    for axis in axes:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)


def _caption(
    axes: Sequence[Axes], example: Example, scores: pd.DataFrame, names: tuple[str, str]
) -> None:
    joint = scores[(scores["band"] == ALL_BANDS) & (scores["chip"] == example.chip)]
    by_method = joint.set_index("method")
    interpolation, network = names
    axes[0].set_title(f"LR\n{example.place}, chip {example.chip}", fontsize=8)
    for axis, name in zip(axes[1:3], names, strict=True):
        row = by_method.loc[name]
        axis.set_title(f"{name}\n{row['psnr']:.2f} dB   SSIM {row['ssim']:.3f}", fontsize=8)
    axes[3].set_title("truth\n", fontsize=8)
    axes[4].set_title(f"error of\n{interpolation}", fontsize=8)
    axes[5].set_title(f"error of\n{network}", fontsize=8)


def _centre(image: Array, side: int) -> Array:
    height, width = image.shape[1:]
    side = min(side, height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[:, top : top + side, left : left + side]


def _composite(image: Array, order: Sequence[int], low: Array, high: Array) -> Array:
    """Return (H, W, 3 or 1) in [0, 1], stretched from ``low`` to ``high`` of each band."""
    span = np.maximum(high - low, 1e-9)
    stretched = (image[list(order)].transpose(1, 2, 0) - low) / span
    return np.clip(stretched, 0, 1) if len(order) == 3 else np.clip(stretched[..., 0], 0, 1)
