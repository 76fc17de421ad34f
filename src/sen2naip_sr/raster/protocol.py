"""The interfaces of scenes and targets, which files, arrays and tests implement."""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sen2naip_sr.arrays import Array

if TYPE_CHECKING:
    from sen2naip_sr.raster.georeferencing import Georeferencing

FACTOR = 2
"""Rows and columns of a target per row and column of its scene, unless a network says otherwise."""


class Scene(Protocol):
    """An image of any size that is read window by window.

    Attributes:
        name: Its name in messages.
        count: Number of bands.
        height: Rows.
        width: Columns.
        dtype: The dtype of all bands.
    """

    height: int
    width: int
    dtype: np.dtype[Any]

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def count(self) -> int: ...  # noqa: D102

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Array, Array]:
        """Read a window inside the scene, from any thread.

        Returns:
            Values (C, h, w) in the scene's dtype, and their validity (C, h, w), bool.
        """


class MarkedScene(Scene, Protocol):
    """A scene that tells how it marks invalid pixels, as a GeoTIFF does.

    Attributes:
        nodata: Each band's nodata value; None if it has none.
        alpha: The alpha band; None if there is none.
        masked: Whether there is a mask besides nodata values and the alpha band.
    """

    masked: bool

    @property
    def nodata(self) -> tuple[float | None, ...]: ...  # noqa: D102
    @property
    def alpha(self) -> object | None: ...  # noqa: D102


class PlacedScene(Scene, Protocol):
    """A scene that knows its place on the ground.

    Attributes:
        georeferencing: Its georeferencing.
    """

    georeferencing: "Georeferencing"


class Target(Protocol):
    """An image a whole factor as high and wide as a scene, written window by window."""

    def write(self, top: int, left: int, values: Array, valid: Array) -> None:
        """Write a window, in any order and from any thread.

        Args:
            top: First row, in pixels of the target.
            left: First column.
            values: (C, H, W) in the target's dtype. Invalid pixels hold the scene's value.
            valid: Their validity (C, H, W), bool.
        """
