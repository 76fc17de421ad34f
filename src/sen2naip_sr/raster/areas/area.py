"""A part of a scene, in its own pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from affine import Affine
from rasterio.features import rasterize

from sen2naip_sr.arrays import Array
from sen2naip_sr.raster.protocol import FACTOR

Ring = Array
"""(n, 2), float64: column and row of corners, in pixels; the last corner is the first one."""


class Sized(Protocol):
    """Something with a name and a size in pixels."""

    @property
    def height(self) -> int: ...  # noqa: D102
    @property
    def width(self) -> int: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Area:
    """A part of a scene: a rectangle of its pixels, perhaps with polygons in it.

    Attributes:
        top: First row.
        left: First column.
        height: Rows, at least 1.
        width: Columns, at least 1.
        polygons: Each polygon's rings in pixels of the scene, the outer one first; None: all of the
            rectangle is meant.
        factor: Rows and columns of the result per row and column of the scene.
    """

    top: int
    left: int
    height: int
    width: int
    polygons: tuple[tuple[Ring, ...], ...] | None = field(default=None, compare=False)
    factor: int = FACTOR

    @property
    def window(self) -> tuple[int, int, int, int]:
        """First row, first column, rows and columns."""
        return self.top, self.left, self.height, self.width

    def inside(self, top: int, left: int, height: int, width: int) -> Array:
        """Return which pixels of the scene's result have their centre in a polygon.

        Args:
            top: First row, in pixels of the result of the whole scene.
            left: First column.
            height: Rows.
            width: Columns.

        Returns:
            (height, width), bool.
        """
        near = self._near(top, left, height, width)
        if not near:
            return np.full((height, width), self.polygons is None)
        # between finer pixels and those of the scene, whatever its place on the ground
        pixels = Affine.translation(left / self.factor, top / self.factor)
        pixels = pixels @ Affine.scale(1 / self.factor)
        burnt = rasterize(near, out_shape=(height, width), transform=pixels, dtype="uint8")
        return np.asarray(burnt != 0)

    def touches(self, top: int, left: int, height: int, width: int) -> bool:
        """Return whether any result is wanted of a window, given in pixels of the scene."""
        return bool(self.inside(*self.refined(top, left, height, width)).any())

    def refined(self, top: int, left: int, height: int, width: int) -> tuple[int, int, int, int]:
        """Return a window, given in pixels of the scene, in pixels of its result."""
        f = self.factor
        return f * top, f * left, f * height, f * width

    def _near(self, top: int, left: int, height: int, width: int) -> list[dict[str, object]]:
        """Return the polygons whose bounds meet a window, as GeoJSON."""
        low = np.array([left, top]) / self.factor
        high = np.array([left + width, top + height]) / self.factor
        return [
            shape
            for shape, (least, most) in self._shapes
            if (least <= high).all() and (most >= low).all()
        ]

    @cached_property
    def _shapes(self) -> list[tuple[dict[str, object], tuple[Array, Array]]]:
        return [
            (
                {"type": "Polygon", "coordinates": [ring.tolist() for ring in rings]},
                (rings[0].min(axis=0), rings[0].max(axis=0)),
            )
            for rings in self.polygons or ()
        ]


def bounds_of(polygons: Sequence[Sequence[Ring]]) -> tuple[float, float, float, float]:
    """Return the least x and y and the greatest x and y of the outer rings."""
    corners = np.concatenate([rings[0] for rings in polygons])
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)
