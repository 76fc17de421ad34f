"""Which window of an image is explained, and what of the image that takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.gradient import gradient_energy


@dataclass(frozen=True)
class Window:
    """A rectangle of an image, in LR pixels.

    Attributes:
        top: First row.
        left: First column.
        height: Rows.
        width: Columns.
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def size(self) -> str:
        """Columns x rows, in words."""
        return f"{self.width} x {self.height}"

    def around(self, reach: int) -> tuple[slice, slice]:
        """Return its rows and columns with ``reach`` more pixels on each side."""
        return (
            slice(self.top - reach, self.top + self.height + reach),
            slice(self.left - reach, self.left + self.width + reach),
        )

    def cut(self, images: Tensor, reach: int) -> Tensor:
        """Return the window of images (..., h, w) with ``reach`` more pixels on each side."""
        rows, columns = self.around(reach)
        return images[..., rows, columns]

    def moved(self, rows: int, columns: int) -> "Window":
        """Return it so many rows and columns nearer to the first ones."""
        return Window(self.top - rows, self.left - columns, self.height, self.width)


def require_inside(window: Window, shape: Sequence[int], reach: int, multiple: int = 1) -> None:
    """Check that a window's surroundings lie in the image, so that no border is explained.

    Args:
        window: The window.
        shape: (..., h, w) of the image.
        reach: LR pixels to each side that are needed.
        multiple: Windows have to begin at multiples of so many pixels.

    Raises:
        UserError: If they do not.
    """
    if window.top % multiple or window.left % multiple:
        raise UserError(
            "window-off-grid",
            f"the window begins at column {window.left}, row {window.top}, and this network works "
            f"on a grid of {multiple} pixels",
            f"begin at multiples of {multiple}",
        )
    height, width = shape[-2:]
    last_row, last_column = height - window.height - reach, width - window.width - reach
    if reach <= window.top <= last_row and reach <= window.left <= last_column:
        return
    problem = (
        f"the window of {window.size} pixels at column {window.left}, row {window.top} needs "
        f"{reach} pixels around it, which an image of {width} x {height} pixels has only for "
        f"columns {reach} to {last_column} and rows {reach} to {last_row}"
    )
    if min(last_row, last_column) < reach:
        problem = (
            f"an image of {width} x {height} pixels is too small: a window of {window.size} pixels "
            f"needs {reach} more on each side"
        )
    raise UserError("window-outside", problem, "choose a window inside, or a larger image")


def most_detailed_window(
    image: Array, side: int, margin: int, multiple: int = 1, mask: Array | None = None
) -> Window | None:
    """Return the window with the most gradient energy that keeps a margin to the border.

    Args:
        image: (C, h, w).
        side: Of the window.
        margin: Pixels to each border at least.
        multiple: Rows and columns that it begins at are multiples of this.
        mask: (h, w), bool: at least half of the window's pixels have to be marked; None: all are.

    Returns:
        None if there is no such window.
    """
    height, width = image.shape[1:]
    first = -(-margin // multiple) * multiple
    tops = np.arange(first, height - side - margin + 1, multiple)
    lefts = np.arange(first, width - side - margin + 1, multiple)
    if not (len(tops) and len(lefts)):
        return None
    energy = _sums(gradient_energy(image), tops, lefts, side)
    if mask is not None:
        marked = _sums(mask.astype(np.float64), tops, lefts, side)
        energy = np.where(marked >= side**2 / 2, energy, -1.0)
    row, column = np.unravel_index(energy.argmax(), energy.shape)
    if energy[row, column] < 0:
        return None
    return Window(int(tops[row]), int(lefts[column]), side, side)


def _sums(values: Array, tops: Array, lefts: Array, side: int) -> Array:
    total = np.pad(values.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    strips = total[tops + side] - total[tops]
    return strips[:, lefts + side] - strips[:, lefts]
