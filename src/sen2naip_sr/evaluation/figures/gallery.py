"""The gallery: every network side by side, pixel for pixel."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.store import Store
from sen2naip_sr.degradation import SCALE
from sen2naip_sr.evaluation.columns import ALL_BANDS, FAILED
from sen2naip_sr.evaluation.comparison import best_interpolation, failed_networks
from sen2naip_sr.evaluation.figures import tiles
from sen2naip_sr.evaluation.figures.examples import upscale
from sen2naip_sr.evaluation.figures.land_cover import choose_by_land_cover, most_detailed
from sen2naip_sr.evaluation.methods import Method
from sen2naip_sr.evaluation.parameters import EvaluationParameters

DPI = 120
"""Resolution at which an HR pixel is a whole number of screen pixels; so it is at multiples."""
ZOOM, SMALLEST_TILE = 2, 160
"""Screen pixels an HR pixel is wide, or more where a tile would be too narrow for its title."""
GAP, LABEL, TITLE, FOOTER = 4, 48, 40, 32
"""In screen pixels."""
NOTE = (
    "PSNR of the whole chip over all bands, the highest in bold.\n"
    "An HR pixel is {zoom} x {zoom} here. Contrast stretch from the truth."
)


@dataclass(frozen=True)
class GalleryChip:
    """A part of one chip, upscaled by every method.

    Attributes:
        chip: Its number.
        place: Its place.
        chosen_for: The criterion that it was chosen by.
        lr: (C, h, w), digital numbers.
        upscaled: (C, 2h, 2w) of every method, in the order of the methods.
        truth: (C, 2h, 2w).
    """

    chip: int
    place: str
    chosen_for: str
    lr: Array
    upscaled: list[Array]
    truth: Array


def gallery_figure(  # noqa: PLR0913, PLR0917 - one a source
    methods: Sequence[Method],
    scores: pd.DataFrame,
    comparison: pd.DataFrame,
    hr: Store,
    lr: Store,
    parameters: EvaluationParameters,
) -> Figure:
    """Draw scored chips by the best interpolation and every network, best network first."""
    shown = gallery_methods(methods, scores, comparison)
    chips = make_gallery(shown, scores, hr, lr, parameters)
    return draw_gallery(chips, shown, scores, synthetic=hr.attributes["synthetic"])


def gallery_methods(
    methods: Sequence[Method], scores: pd.DataFrame, comparison: pd.DataFrame
) -> list[Method]:
    """Return the methods of the gallery: the best interpolation, then the networks, best first."""
    by_name = {method.name: method for method in methods}
    ranked = [by_name[name] for name in comparison["method"]]
    return [by_name[best_interpolation(scores)], *(method for method in ranked if method.trained)]


def make_gallery(
    methods: Sequence[Method],
    scores: pd.DataFrame,
    hr: Store,
    lr: Store,
    parameters: EvaluationParameters,
) -> list[GalleryChip]:
    """Choose test chips of different land cover, and upscale them.

    Of each the part with most detail is kept.
    """
    value_range = hr.attributes["value_range"]
    places = hr.table("index").set_index("chip")["place"]
    tested = sorted(set(scores["chip"]))
    size = [min(parameters.figure_crop // SCALE, side) for side in lr.chips.shape[2:]]
    gallery = []
    for chip, criterion in choose_by_land_cover(
        hr.chips, tested, value_range[0], parameters.gallery_chips
    ):
        truth, small = hr.chips[chip], lr.chips[chip]
        at = most_detailed(truth, *size)
        inside = _window(at, size, SCALE)
        gallery.append(
            GalleryChip(
                chip=chip,
                place=str(places[chip]),
                chosen_for=criterion,
                lr=small[_window(at, size, 1)],
                upscaled=[upscale(method, small, value_range)[inside] for method in methods],
                truth=truth[inside],
            )
        )
    return gallery


def draw_gallery(
    chips: Sequence[GalleryChip],
    methods: Sequence[Method],
    scores: pd.DataFrame,
    *,
    synthetic: bool,
) -> Figure:
    """Draw LR, every method and truth, two rows a chip: true colour and false colour.

    Every HR pixel is a square of screen pixels at `DPI`; nothing is resampled. Brightness and
    contrast of a row are those of its truth, so that a shift of colour is seen.
    """
    bands, height, width = chips[0].truth.shape
    zoom = max(ZOOM, math.ceil(SMALLEST_TILE / width))
    grid = _grid(len(methods) + 2, width * zoom, height * zoom)
    shown = tiles.composites(bands)
    figure, blocks = grid.draw(len(chips), len(shown), DPI)
    for rows, chip in zip(blocks, chips, strict=True):
        for axes, composite in zip(rows, shown, strict=True):
            tiles.draw_composite(axes, [chip.lr, *chip.upscaled, chip.truth], chip.truth, composite)
        _title(rows[0], methods, scores, chip.chip)
        tiles.write_label(rows, f"{chip.place}, chip {chip.chip}", chip.chosen_for)
    note = NOTE.format(zoom=zoom)
    figure.text(
        grid.label / figure.get_figwidth(),
        (grid.caption + grid.footer) / 2 / figure.get_figheight(),
        f"{tiles.SYNTHETIC_NOTE}\n{note}" if synthetic else note,
        va="center",
        fontsize=8,
    )
    return figure


def _window(at: Sequence[int], size: Sequence[int], scale: int) -> tuple[slice, ...]:
    """Return the pixels of a part given in LR pixels, of all bands."""
    parts = zip(at, size, strict=True)
    return slice(None), *(slice(scale * start, scale * (start + n)) for start, n in parts)


def _grid(columns: int, width: int, height: int) -> tiles.TileGrid:
    """Return the layout for tiles of so many screen pixels; a caption is the next one's title."""
    return tiles.TileGrid(
        columns=columns,
        width=width / DPI,
        height=height / DPI,
        gap=GAP / DPI,
        label=LABEL / DPI,
        header=TITLE / DPI,
        caption=TITLE / DPI,
        footer=FOOTER / DPI,
    )


def _title(
    axes: Sequence[Axes], methods: Sequence[Method], scores: pd.DataFrame, chip: int
) -> None:
    of_chip = scores[(scores["band"] == ALL_BANDS) & (scores["chip"] == chip)]
    psnr = of_chip.set_index("method")["psnr"]
    best = max(psnr[method.name] for method in methods)
    failed = failed_networks(scores)
    axes[0].set_title("low resolution\n", fontsize=8)
    axes[-1].set_title("truth\n", fontsize=8)
    for axis, method in zip(axes[1:-1], methods, strict=True):
        value = psnr[method.name]
        weight = "bold" if value == best else "normal"
        note = f" ({FAILED})" if method.name in failed else ""
        axis.set_title(f"{method.title}{note}\n{value:.2f} dB", fontsize=8, fontweight=weight)
