"""The row of band matrices."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from sen2naip_sr.explain.explanation import Explanation, Image
from sen2naip_sr.explain.figures.parts import colour_of, short_name, write_words

COLOURS = "Blues"


def draw_bands(axes: Sequence[Axes], image: Image, found: Sequence[Explanation]) -> None:
    """Draw the matrix of each network, and the share of the own band by land cover."""
    cover = found[0].matrices[0].land_cover
    write_words(
        axes[0],
        "Which band feeds which",
        "Share of each input band (row) in the detail of each band of the result (column), in "
        "percent." + (f" Land cover in the box: mostly {cover}." if cover else ""),
    )
    names = [band[:6] for band in image.bands]
    for number, (axis, one) in enumerate(zip(axes[1:], found, strict=False)):
        shares = 100 * one.matrices[0].shares
        axis.imshow(shares, cmap=COLOURS, vmin=0, vmax=100)
        for (row, column), value in np.ndenumerate(shares):
            colour = "white" if value > 55 else "black"
            axis.text(
                column, row, f"{value:.0f}", ha="center", va="center", fontsize=9, color=colour
            )
        axis.set_xticks(range(len(names)), names, fontsize=8)
        rows = names if number == 0 else [""] * len(names)
        axis.set_yticks(range(len(names)), rows, fontsize=8)
        axis.tick_params(length=0, pad=2)
        axis.spines[:].set_visible(False)
    for axis in axes[1 + len(found) :]:
        _draw_own(axis, found)


def _draw_own(axis: Axes, found: Sequence[Explanation]) -> None:
    trained = [one for one in found if one.subject.trained]
    names = [matrix.land_cover or "box" for matrix in found[0].matrices]
    for number, one in enumerate(trained):
        shares = [100 * float(np.diag(matrix.shares).mean()) for matrix in one.matrices]
        offsets = np.arange(len(shares)) + 0.8 * (number + 0.5) / len(trained) - 0.4
        colour = colour_of(found, one)
        axis.barh(offsets, shares, 0.7 / len(trained), color=colour, label=short_name(one))
        for at, share in zip(offsets, shares, strict=True):
            axis.text(
                share - 3, at, f"{share:.0f}", va="center", ha="right", fontsize=7.5, color="w"
            )
    for at, name in enumerate(names):
        axis.text(2, at - 0.47, name, fontsize=7.5, va="center")
    axis.set(xlim=(0, 100), ylim=(len(names) - 0.4, -0.62), xticks=[], yticks=[])
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.set_title("own band, by land cover, %", fontsize=9, weight="bold")
