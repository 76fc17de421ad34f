"""Marking of invalid pixels, and the distinction between them and valid pixels."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sen2naip_sr.arrays import Array

if TYPE_CHECKING:
    from sen2naip_sr.raster.protocol import MarkedScene

TOLERANCE = 2.0**-21
"""GDAL takes a float for nodata if their relative difference is below this, in both widths."""


def representable(value: float | None, dtype: np.dtype[Any]) -> bool:
    """Return whether a dtype contains a nodata value, so that a pixel can equal it."""
    if value is None:
        return False
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return float(value).is_integer() and limits.min <= value <= limits.max


def is_nodata(values: Array, nodata: float) -> Array:
    """Return where GDAL takes values of any real dtype for nodata: bool, of the same shape.

    The dtype contains ``nodata``, which may be NaN for floats.
    """
    if values.dtype.kind != "f":
        return np.asarray(values == values.dtype.type(nodata))
    if np.isnan(nodata):
        return np.isnan(values)
    marker = values.dtype.type(nodata)
    with np.errstate(over="ignore", invalid="ignore"):
        # near the largest float the sum overflows, as in GDAL
        near = np.abs(values - marker) < values.dtype.type(TOLERANCE / 2) * np.abs(values + marker)
    return np.asarray(near | (values == marker))


def nearest_data(nodata: float, dtype: np.dtype[Any]) -> Any:
    """Return the value nearest to nodata, towards the middle, that no reader takes for it."""
    if dtype.kind != "f":
        limits = np.iinfo(dtype)
        below = 2 * nodata < int(limits.min) + int(limits.max)
        return dtype.type(int(nodata) + (1 if below else -1))
    marker = dtype.type(nodata)
    # the next float would still be taken for nodata; near the largest float, all would
    for part in (1 - 2 * TOLERANCE, np.finfo(dtype).eps / 8):
        value = marker * dtype.type(part)
        if not is_nodata(np.array(value), nodata):
            return value
    return np.finfo(dtype).tiny


@dataclass(frozen=True)
class Marking:
    """How an image marks invalid pixels.

    Attributes:
        nodata: The nodata value of every band; None if there is none.
        alpha: Whether an alpha band follows the image bands.
        mask: Whether there is a mask for all bands together.
        guide: Whether GDAL needs a mask to exclude invalid pixels from averages. Without one it
            includes NaN, and also transparent pixels, except in images with one or three bands of
            unsigned integers.
    """

    nodata: float | None
    alpha: bool
    mask: bool
    guide: bool

    @classmethod
    def like(cls, scene: "MarkedScene", dtype: np.dtype[Any]) -> "Marking":
        """Return the marking of a scene for an output, perhaps of another dtype.

        A mask replaces what the dtype cannot express: a nodata value outside its range, NaN, or an
        alpha band with another range.
        """
        declared = [value for value in scene.nodata if value is not None]
        nodata = next((value for value in declared if representable(value, dtype)), None)
        alpha = scene.alpha is not None and dtype == scene.dtype
        lost = (
            (bool(declared) and nodata is None)
            or (scene.alpha is not None and not alpha)
            or (scene.dtype.kind == "f" and dtype.kind != "f")
        )
        mask = scene.masked or lost
        guide = alpha or (dtype.kind == "f" and nodata is None and not mask)
        return cls(nodata, alpha, mask, guide)

    def applied(self, values: Array, valid: Array, nodata: tuple[float | None, ...]) -> Array:
        """Return values that equal the nodata value in invalid pixels only.

        Args:
            values: (C, H, W), with the input's nodata values.
            valid: (C, H, W), bool.
            nodata: Each band's nodata value in the input; the output has one for all bands.
        """
        if self.nodata is None:
            return values
        values = values.copy()
        for band, data, own in zip(values, valid, nodata, strict=True):
            if own is not None and own != self.nodata and representable(own, band.dtype):
                band[~data & is_nodata(band, own)] = self.nodata
        if not np.isnan(self.nodata):
            taken = valid & is_nodata(values, self.nodata)
            values[taken] = nearest_data(self.nodata, values.dtype)
        return values
