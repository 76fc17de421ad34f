"""Cutting chips from a scene: windows, validity, georeferencing."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rasterio.windows import Window, transform

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.faults import RASTER_FAULTS, reason_of
from sen2naip_sr.raster.filling import fill_digital
from sen2naip_sr.raster.protocol import PlacedScene

UNREADABLE: tuple[type[Exception], ...] = (*RASTER_FAULTS, UserError)
"""Exceptions of reading a damaged scene."""


@dataclass(frozen=True)
class Chip:
    """A piece of a raster.

    Attributes:
        row: Top row in the raster.
        column: Left column in the raster.
        pixels: (C, height, width) in the raster's dtype. Invalid ones are filled from the valid
            ones around them.
        transform: The six coefficients of the chip's own affine transform.
        valid_fraction: Share of valid pixels, over all bands.
        digest: Hash of the pixels, and of which are valid.
        valid: (C, height, width), bool, the valid pixels; None: all.
    """

    row: int
    column: int
    pixels: Array
    transform: tuple[float, ...]
    valid_fraction: float
    digest: bytes
    valid: Array | None = None


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
    scene: PlacedScene,
    windows: Sequence[tuple[int, int]],
    size: int,
    min_valid_fraction: float,
    factor: int = 1,
) -> list[Chip | Rejection]:
    """Read chips, (row, column) each, and decide which can be used; one entry per window, in order.

    See `cut_chip`.
    """
    return [
        cut_chip(scene, Window(column, row, size, size), min_valid_fraction, factor)
        for row, column in windows
    ]


def cut_chip(
    scene: PlacedScene, window: Window, min_valid_fraction: float, factor: int = 1
) -> Chip | Rejection:
    """Read one window of any shape, downsample it, and decide whether it can be used.

    Args:
        scene: Its bands are the chip's; it says which of their pixels are valid.
        window: The window, inside the scene.
        min_valid_fraction: Chips with a smaller share of valid pixels are rejected.
        factor: The factor of `reduce_chip`.
    """
    row, column = window.row_off, window.col_off
    try:
        pixels, valid = scene.read(row, column, window.height, window.width)
    except UNREADABLE as error:
        return Rejection(
            f"the pixels cannot be read ({reason_of(error)})",
            "the file is damaged or incomplete: copy or download it again",
            row,
            column,
        )
    placed = tuple(transform(window, scene.georeferencing.transform))[:6]
    share = float(valid.mean())
    chip = Chip(row, column, pixels, placed, share, b"", None if share == 1 else valid)
    reason = _defect(chip, min_valid_fraction)
    if not reason:
        # filled first: what is invalid can be NaN, or too large to average
        chip = reduce_chip(_filled(chip), factor)
        reason = _defect(chip, min_valid_fraction) if factor > 1 else None
    return Rejection(*reason, row, column) if reason else chip


def _defect(chip: Chip, min_valid_fraction: float) -> tuple[str, str] | None:
    if chip.valid_fraction < min_valid_fraction or chip.valid_fraction == 0:
        return (
            f"only {chip.valid_fraction:.1%} of the pixels are valid, the rest is nodata",
            "lower the smallest valid fraction to accept it",
        )
    if chip.valid is None:
        varied = (chip.pixels != chip.pixels[:, :1, :1]).any()
    else:
        bands = zip(chip.pixels, chip.valid, strict=True)
        varied = any((band[valid] != band[valid][:1]).any() for band, valid in bands)
    if not varied:
        return "every band is constant", "leave it out: it holds no detail"
    return None


def _filled(chip: Chip) -> Chip:
    """Return a chip whose invalid pixels are filled, with its digest."""
    valid = chip.valid
    if valid is None or chip.valid_fraction == 1:
        return replace(chip, valid=None, digest=_digest(chip.pixels, None))
    pixels = fill_digital(chip.pixels, valid)
    return replace(chip, pixels=pixels, digest=_digest(pixels, valid))


def reduce_chip(chip: Chip, factor: int) -> Chip:
    """Downsample a chip by area averaging; a factor of 1 changes nothing.

    The factor divides height and width. The result is rounded to its dtype and has the same
    footprint, at the position of the original. A pixel that is made of an invalid one is invalid.
    """
    if factor == 1:
        return chip
    means = _blocks(chip.pixels, factor).mean(axis=(2, 4), dtype=np.float64)
    if np.issubdtype(chip.pixels.dtype, np.integer):
        means = np.rint(means)
    pixels = means.astype(chip.pixels.dtype)
    valid, share = None, chip.valid_fraction
    if chip.valid is not None:
        valid = np.asarray(_blocks(chip.valid, factor).all(axis=(2, 4)))
        share = float(valid.mean())
    a, b, left, d, e, top = chip.transform
    reduced = replace(
        chip,
        pixels=pixels,
        transform=(a * factor, b * factor, left, d * factor, e * factor, top),
        valid=valid,
        valid_fraction=share,
        digest=_digest(pixels, valid),
    )
    return _filled(reduced) if share else reduced


def _blocks(pixels: Array, factor: int) -> Array:
    bands, height, width = pixels.shape
    return pixels.reshape(bands, height // factor, factor, width // factor, factor)


def _digest(pixels: Array, valid: Array | None) -> bytes:
    digest = hashlib.sha256(np.ascontiguousarray(pixels).data)
    if valid is not None:
        digest.update(np.packbits(valid).data)
    return digest.digest()[:16]
