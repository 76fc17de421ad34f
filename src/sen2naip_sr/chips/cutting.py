"""Cutting chips from an open raster: windows, validity, georeferencing."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import CRSError, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window, transform

from sen2naip_sr.arrays import Array

UNREADABLE = (OSError, RasterioError, CRSError)
"""Exceptions of opening and reading a damaged raster."""


@dataclass(frozen=True)
class Chip:
    """A piece of a raster.

    Attributes:
        row: Top row in the raster.
        column: Left column in the raster.
        pixels: (C, height, width) in the raster's dtype.
        transform: The six coefficients of the chip's own affine transform.
        valid_fraction: Share of pixels that are not nodata.
        digest: Hash of the pixels.
    """

    row: int
    column: int
    pixels: Array
    transform: tuple[float, ...]
    valid_fraction: float
    digest: bytes


@dataclass(frozen=True)
class Rejection:
    """A file or a chip that cannot be used, the reason, and what would make it usable.

    Row and column are the chip's; None if it is the whole file.
    """

    reason: str
    remedy: str
    row: int | None = None
    column: int | None = None


def chip_windows(height: int, width: int, size: int) -> list[tuple[int, int]]:
    """Return (row, column) of every whole chip on a grid centred in a raster.

    Chips never overlap. Strips along the edges that are narrower than a chip are left out.
    """
    top, left = height % size // 2, width % size // 2
    return [
        (row, column)
        for row in range(top, height - size + 1, size)
        for column in range(left, width - size + 1, size)
    ]


def cut_chips(
    raster: DatasetReader,
    windows: Sequence[tuple[int, int]],
    size: int,
    bands: Sequence[int],
    min_valid_fraction: float,
) -> list[Chip | Rejection]:
    """Read chips, (row, column) each, and decide which can be used; one entry per window, in order.

    Bands are counted from 1. Chips with a smaller share of valid pixels are rejected.
    """
    return [
        cut_chip(raster, Window(column, row, size, size), bands, min_valid_fraction)
        for row, column in windows
    ]


def cut_chip(
    raster: DatasetReader, window: Window, bands: Sequence[int], min_valid_fraction: float
) -> Chip | Rejection:
    """Read one window of any shape, and decide whether it can be used; see `cut_chips`."""
    row, column = window.row_off, window.col_off
    try:
        pixels = raster.read(list(bands), window=window)
        valid = _valid_fraction(raster, pixels, window, bands)
    except UNREADABLE as error:
        text = " ".join(str(error.__cause__ or error).split())
        return Rejection(
            f"the pixels cannot be read ({text})",
            "the file is damaged or incomplete: copy or download it again",
            row,
            column,
        )
    reason = _defect(pixels, valid, min_valid_fraction)
    if reason:
        return Rejection(*reason, row, column)
    return Chip(
        row=row,
        column=column,
        pixels=pixels,
        transform=tuple(transform(window, raster.transform))[:6],
        valid_fraction=valid,
        digest=_digest(pixels),
    )


def _valid_fraction(
    raster: DatasetReader, pixels: Array, window: Window, bands: Sequence[int]
) -> float:
    """Return the share of pixels with data.

    A pixel is nodata only if it is in every band, since a declared nodata value such as 255 may
    occur in valid pixels. An alpha band counts only if it is not read as data: near-infrared, the
    fourth band of many cameras, is often marked as alpha.
    """
    if raster.nodata is not None:
        empty = np.isnan(pixels) if np.isnan(raster.nodata) else pixels == raster.nodata
        return float(1 - empty.all(axis=0).mean())
    alphas = [i for i, kind in enumerate(raster.colorinterp, 1) if kind == ColorInterp.alpha]
    if alphas:
        if alphas[0] in bands:
            return 1.0
        return float((raster.read(alphas[0], window=window) > 0).mean())
    if MaskFlags.per_dataset in raster.mask_flag_enums[bands[0] - 1]:
        return float((raster.dataset_mask(window=window) > 0).mean())
    return 1.0


def _defect(pixels: Array, valid: float, min_valid_fraction: float) -> tuple[str, str] | None:
    if valid < min_valid_fraction:
        return (
            f"only {valid:.1%} of the pixels are valid, the rest is nodata",
            "lower the smallest valid fraction to accept it",
        )
    if np.issubdtype(pixels.dtype, np.floating) and not np.isfinite(pixels).all():
        return (
            "holds NaN or infinity",
            "fill it with a nodata value, or cut the scene to its valid part",
        )
    if (pixels == pixels[:, :1, :1]).all():
        return "every band is constant", "leave it out: it holds no detail"
    return None


def reduce_chip(chip: Chip, factor: int) -> Chip:
    """Downsample a chip by area averaging; a factor of 1 changes nothing.

    The factor divides height and width. The result is rounded to its dtype and has the same
    footprint, at the position of the original.
    """
    if factor == 1:
        return chip
    bands, height, width = chip.pixels.shape
    blocks = chip.pixels.reshape(bands, height // factor, factor, width // factor, factor)
    means = blocks.mean(axis=(2, 4), dtype=np.float64)
    if np.issubdtype(chip.pixels.dtype, np.integer):
        means = np.rint(means)
    pixels = means.astype(chip.pixels.dtype)
    a, b, left, d, e, top = chip.transform
    return replace(
        chip,
        pixels=pixels,
        transform=(a * factor, b * factor, left, d * factor, e * factor, top),
        digest=_digest(pixels),
    )


def _digest(pixels: Array) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(pixels).data).digest()[:16]
