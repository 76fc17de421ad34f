"""What upscaling needs of a scene and of a target. Files, arrays and tests implement both."""

from typing import Any, Protocol

import numpy as np

from sen2naip_sr.arrays import Array


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
        """Read a window inside the scene; any thread may.

        Args:
            top: First row.
            left: First column.
            height: Rows.
            width: Columns.

        Returns:
            Values (C, h, w) in the scene's dtype, and where they are valid: (C, h, w), bool.
        """


class Target(Protocol):
    """An image twice as high and wide as a scene that is written window by window."""

    def write(self, top: int, left: int, values: Array, valid: Array) -> None:
        """Write a window, in any order; any thread may.

        Args:
            top: First row, in pixels of the target.
            left: First column.
            values: (C, H, W) in the target's dtype. Invalid pixels hold the scene's value.
            valid: Where the values are valid: (C, H, W), bool.
        """
