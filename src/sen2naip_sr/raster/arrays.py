"""Scenes and targets in memory. They behave like the GeoTIFFs with the same pixels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.bands import require_bands
from sen2naip_sr.raster.protocol import FACTOR
from sen2naip_sr.raster.validity import Marking, is_nodata, representable

if TYPE_CHECKING:
    from sen2naip_sr.raster.protocol import MarkedScene

INTEGER_BYTES, FLOAT_BYTES = (1, 2, 4), (4, 8)
"""Sizes of the dtypes that can be upscaled: those of GeoTIFFs without 64-bit integers, which no
network can represent exactly."""


class ArrayScene:
    """An array as a scene; see `sen2naip_sr.raster.protocol.Scene`.

    Invalid are masked values, NaN, infinities, and values equal to ``nodata``, each in its band.

    Args:
        array: (bands, height, width), of integers up to 32 bits or floats up to 64 bits. It may be
            a `numpy.ma.MaskedArray`.
        nodata: The value that stands for no data; None if there is none.
        bands: Numbers of the bands to use, from 1, in the wanted order; None for all.

    Attributes:
        name: Its name in messages.
        height: Rows.
        width: Columns.
        dtype: The array's dtype, in native byte order.
        masked: Whether the array has a mask.
        mask: Where it is masked, (C, h, w) bool; None without a mask.

    Raises:
        UserError: If the array has another number of dimensions, no pixel, another dtype or no
            such bands.
    """

    name = "the array"
    alpha = None

    def __init__(
        self, array: Array, nodata: float | None = None, bands: Sequence[int | str] | None = None
    ) -> None:
        _check(array)
        if bands is not None:
            array = array[[number - 1 for number in self._numbers(bands, len(array))]]
        self.masked = np.ma.isMaskedArray(array)
        self.mask = np.ma.getmaskarray(array) if self.masked else None
        values = np.ma.getdata(array)
        self.dtype: np.dtype[Any] = values.dtype.newbyteorder("=")
        self._values = values.astype(self.dtype, copy=False)
        self._nodata = nodata if representable(nodata, self.dtype) else None
        self.height, self.width = array.shape[1:]

    def _numbers(self, bands: Sequence[int | str], count: int) -> list[int]:
        numbers = [band for band in bands if isinstance(band, int)]
        if len(numbers) < len(bands):
            raise UserError(
                "unknown-band",
                f"{self.name}: its bands have no names",
                f"choose from its bands 1 to {count}, each once",
            )
        require_bands(self.name, numbers, count)
        return numbers

    @property
    def count(self) -> int:
        """The number of bands."""
        return len(self._values)

    @property
    def nodata(self) -> tuple[float | None, ...]:
        """Each band's nodata value."""
        return (self._nodata,) * self.count

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Array, Array]:
        """Return values and validity of a window, both (C, h, w)."""
        window = (slice(None), slice(top, top + height), slice(left, left + width))
        values = self._values[window]
        valid = np.isfinite(values)
        if self._nodata is not None:
            valid &= ~is_nodata(values, self._nodata)
        if self.mask is not None:
            valid &= ~self.mask[window]
        return values, valid


class ArrayTarget:
    """The upscaled array of an `ArrayScene`; see `sen2naip_sr.raster.protocol.Target`.

    Args:
        scene: The scene that is upscaled, or the part of it.
        dtype: The dtype of the result; None for that of the scene.
        factor: Rows and columns of the result per row and column of the scene.

    Attributes:
        values: (C, factor h, factor w); to be read when every window is written.
    """

    def __init__(
        self, scene: "MarkedScene", dtype: DTypeLike | None = None, factor: int = FACTOR
    ) -> None:
        kind = scene.dtype if dtype is None else np.dtype(dtype)
        self.values: Array = np.empty(
            (scene.count, factor * scene.height, factor * scene.width), kind
        )
        self._nodata = scene.nodata
        self._marking = Marking.like(scene, kind)

    def write(self, top: int, left: int, values: Array, valid: Array) -> None:
        """Write a window. Data equal to the nodata value are moved off it, as in files."""
        height, width = values.shape[1:]
        window = (slice(None), slice(top, top + height), slice(left, left + width))
        self.values[window] = self._marking.applied(values, valid, self._nodata)


def _check(array: Array) -> None:
    if array.ndim != 3:
        raise UserError(
            "array-not-3d",
            f"an array with {array.ndim} dimensions: its shape is {array.shape}",
            "give an array of shape (bands, height, width)",
        )
    if 0 in array.shape:
        raise UserError(
            "array-empty",
            f"an array without pixels: its shape is {array.shape}",
            "give an array with at least one band, row and column",
        )
    kind, size = array.dtype.kind, array.dtype.itemsize
    if size not in {"u": INTEGER_BYTES, "i": INTEGER_BYTES, "f": FLOAT_BYTES}.get(kind, ()):
        raise UserError(
            "dtype-unsupported",
            f"an array of {array.dtype}, which cannot be upscaled",
            "convert it to integers of up to 32 bits, or to float32 or float64",
        )
