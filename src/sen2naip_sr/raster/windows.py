"""Division of a scene into tiles whose predictions equal the prediction of the whole scene.

Each tile has a core, which is written. It is predicted from a window: the core and a halo around
it. Beyond the scene's edges windows contain its reflection without the edge pixel repeated (NumPy's
``reflect``). Tiles therefore equal one prediction of the scene, reflected by the halo on every side
and cropped afterwards.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError

if TYPE_CHECKING:
    from sen2naip_sr.raster.protocol import Scene


@dataclass(frozen=True)
class Tile:
    """A core, which is inside the scene, and the window that it is predicted from.

    Both are given by first row, first column, rows and columns, in pixels of the scene. The window
    begins at negative ones if it begins outside the scene.
    """

    top: int
    left: int
    height: int
    width: int
    window_top: int
    window_left: int
    window_height: int
    window_width: int

    def indices(self, height: int, width: int) -> tuple[Array, Array]:
        """Return the rows and the columns of a (height, width) scene in the window."""
        return (
            reflected(self.window_top, self.window_height, height),
            reflected(self.window_left, self.window_width, width),
        )

    def context(self, reach: int, height: int, width: int) -> "Tile":
        """Return the tile with a core larger by ``reach``, cropped to the scene."""
        top, left = max(0, self.top - reach), max(0, self.left - reach)
        bottom = min(height, self.top + self.height + reach)
        right = min(width, self.left + self.width + reach)
        return replace(self, top=top, left=left, height=bottom - top, width=right - left)

    def core(self, scale: int, trim: int = 0) -> tuple[slice, slice]:
        """Return the position of the core in the window upscaled by ``scale``.

        ``trim`` pixels of the window were removed on each side before.
        """
        top = scale * (self.top - self.window_top - trim)
        left = scale * (self.left - self.window_left - trim)
        return slice(top, top + scale * self.height), slice(left, left + scale * self.width)


@dataclass(frozen=True)
class Plan:
    """The tiles of a scene, row by row; an iterable that makes one tile at a time.

    All windows have the same shape. The cores are as equal as the grid allows, since a last row or
    column of much smaller tiles would cost as much as the others.

    Attributes:
        height: Rows of the scene.
        width: Columns of the scene.
        core_shape: Rows and columns of the cores; the last ones may be smaller.
        margin: Pixels of a window on each side of its core: the halo rounded up to the grid.
        part: First row, first column, rows and columns of the part of the scene whose tiles are
            wanted; None: all. They are the tiles of the whole scene.
    """

    height: int
    width: int
    core_shape: tuple[int, int]
    margin: int
    part: tuple[int, int, int, int] | None = None

    @property
    def window_shape(self) -> tuple[int, int]:
        """Rows and columns of every window."""
        return self.core_shape[0] + 2 * self.margin, self.core_shape[1] + 2 * self.margin

    def __len__(self) -> int:
        tops, lefts = self._starts
        return len(tops) * len(lefts)

    @property
    def _starts(self) -> tuple[range, range]:
        """Return the first rows and the first columns of the cores."""
        rows, columns = self.core_shape
        top, left, height, width = self.part or (0, 0, self.height, self.width)
        return (
            range(top // rows * rows, top + height, rows),
            range(left // columns * columns, left + width, columns),
        )

    def __iter__(self) -> Iterator[Tile]:
        rows, columns = self.core_shape
        tops, lefts = self._starts
        for top in tops:
            for left in lefts:
                yield Tile(
                    top,
                    left,
                    min(rows, self.height - top),
                    min(columns, self.width - left),
                    top - self.margin,
                    left - self.margin,
                    *self.window_shape,
                )


@dataclass(frozen=True)
class Region:
    """A part of a scene that was read to make a window, from row ``top`` and column ``left``.

    Values and validity (bool) are (C, h, w).
    """

    top: int
    left: int
    values: Array
    valid: Array

    @classmethod
    def read(cls, scene: "Scene", rows: Array, columns: Array, margin: int = 0) -> "Region":
        """Read the part that rows and columns span, and up to ``margin`` pixels around it."""
        top, left = max(0, int(rows.min()) - margin), max(0, int(columns.min()) - margin)
        bottom = min(scene.height, int(rows.max()) + 1 + margin)
        right = min(scene.width, int(columns.max()) + 1 + margin)
        return cls(top, left, *scene.read(top, left, bottom - top, right - left))

    def core(self, tile: Tile) -> tuple[slice, slice, slice]:
        """Return the position of a tile's core in the region's arrays."""
        top, left = tile.top - self.top, tile.left - self.left
        return slice(None), slice(top, top + tile.height), slice(left, left + tile.width)

    def pick(self, array: Array, rows: Array, columns: Array) -> Array:
        """Return rows and columns of the scene from an array (C, h, w) of the region."""
        return array.take(rows - self.top, axis=1).take(columns - self.left, axis=2)


def plan(height: int, width: int, *, tile: int, halo: int, multiple: int = 1) -> Plan:
    """Divide a scene into tiles.

    Args:
        height: Rows of the scene, at least 1.
        width: Columns of the scene, at least 1.
        tile: The largest side of a core; rounded up to ``multiple``.
        halo: Pixels on each side that a prediction depends on.
        multiple: Windows begin and end at multiples of this many pixels, counted from the scene's
            first pixel: the grid of a network with pooling.

    Returns:
        Tiles whose cores cover every pixel of the scene exactly once.

    Raises:
        UserError: If ``tile`` is below 1.
    """
    if tile < 1:
        raise UserError(
            "tile-invalid", f"tiles of {tile} pixels", "give tiles a side of at least 1 pixel"
        )
    largest = _round_up(tile, multiple)

    def side(length: int) -> int:
        return _round_up(math.ceil(length / math.ceil(length / largest)), multiple)

    return Plan(height, width, (side(height), side(width)), _round_up(halo, multiple))


def reflected(start: int, length: int, size: int) -> Array:
    """Return the pixels of an interval of an axis that is reflected at both ends.

    Args:
        start: First pixel of the interval; negative before the axis.
        length: Pixels of the interval.
        size: Pixels of the axis. It is reflected repeatedly; an axis of one pixel is repeated.

    Returns:
        (length,) integers from 0 to ``size - 1``.
    """
    last = max(size - 1, 1)
    folded = last - np.abs(np.arange(start, start + length) % (2 * last) - last)
    return np.minimum(folded, size - 1)


def _round_up(length: int, multiple: int) -> int:
    return math.ceil(length / multiple) * multiple
