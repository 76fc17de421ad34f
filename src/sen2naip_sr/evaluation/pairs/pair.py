"""One real pair: bands to upscale, and a truth of the same ground with finer pixels.

The folder of a pair holds the bands as `BANDS` or as `STACK`, and the truth as `PAN` (the
panchromatic band of the same sensor) or as `OTHER` (the same bands, by a finer sensor).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation import SCALE
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.georeferencing import Georeferencing
from sen2naip_sr.raster.scene import open_scene

BANDS = ("r.tif", "g.tif", "b.tif", "n.tif")
"""Red, green, blue and near-infrared as files of one band each."""

STACK = "bands.tif"
"""All bands in one file."""

PAN, OTHER = "pan.tif", "truth.tif"
"""The truth."""

_DRIFT = 0.5
"""Pixels of the result by which the grids may drift apart from one end to the other."""


@dataclass(frozen=True)
class Pair:
    """Bands, and a truth with half the pixel size of the bands.

    Attributes:
        name: The name of its folder.
        bands: (C, h, w), masked where there is no data.
        truth: (T, H, W), float64, NaN where there is no data.
        panchromatic: Whether the truth is one band for all. Else it has the same bands.
        offset: Row and column of the truth, in its pixels, where the first pixel of the upscaled
            bands has its corner, according to the georeferencing.
    """

    name: str
    bands: Array
    truth: Array
    panchromatic: bool
    offset: tuple[float, float]


def find_pairs(folders: Sequence[Path]) -> list[Path]:
    """Return the folders of pairs among folders and the folders directly in them.

    Raises:
        UserError: If no folder is given, one does not exist, or one holds no pair.
    """
    remedy = f"give folders with {', '.join(BANDS)} or {STACK}, and {PAN} or {OTHER}"
    if not folders:
        raise UserError("no-pair", "no folder of real pairs is given", remedy)
    found = []
    for folder in folders:
        inside = [folder, *sorted(folder.glob("*/"))]
        pairs = [path for path in inside if _has_any(path, (*BANDS, STACK, PAN, OTHER))]
        if not pairs:
            raise UserError("no-pair", f"{folder}: holds no pair", remedy)
        found += pairs
    return found


def read_pair(folder: Path) -> Pair:
    """Read a pair from its folder into memory.

    A truth with smaller pixels is averaged to half the pixel size of the bands. If neither bands
    nor truth have georeferencing, they are taken to cover the same bounds.

    Raises:
        UserError: If a file is missing or cannot be read, the bands have several grids, bands and
            truth differ in coordinate system or do not overlap, or the pixels of the truth are not
            2, 4, 6 ... times smaller.
    """
    files = _band_files(folder)
    panchromatic = (folder / PAN).exists()
    bands = _joined([_read(path) for path in files], folder)
    truth = _read(folder / (PAN if panchromatic else OTHER))
    wanted = 1 if panchromatic else len(bands.values)
    if len(truth.values) != wanted:
        raise UserError(
            "pair-bands-differ",
            f"{folder}: the truth has {len(truth.values)} bands instead of {wanted}",
            "give one panchromatic band, or the bands that are upscaled in the same order",
        )
    to_truth = _to_truth(folder, bands, truth)
    factor = _factor(folder, to_truth, bands.size)
    finer = _averaged(np.ma.filled(truth.values.astype(np.float64), math.nan), factor)
    offset = (to_truth.f / factor, to_truth.c / factor)
    for length, finer_length, start in zip(bands.size, finer.shape[1:], offset, strict=True):
        if start >= finer_length or start + SCALE * length <= 0:
            raise UserError(
                "pair-apart",
                f"{folder}: bands and truth do not overlap",
                "give two images of the same ground",
            )
    return Pair(folder.resolve().name, bands.values, finer, panchromatic, offset)


@dataclass(frozen=True)
class _Image:
    values: Array
    georeferencing: Georeferencing

    @property
    def size(self) -> tuple[int, int]:
        _, height, width = self.values.shape
        return height, width


def _has_any(folder: Path, names: Sequence[str]) -> bool:
    return any((folder / name).exists() for name in names)


def _band_files(folder: Path) -> list[Path]:
    names = (STACK,) if (folder / STACK).exists() else BANDS
    missing = [name for name in names if not (folder / name).exists()]
    if not _has_any(folder, (PAN, OTHER)):
        missing.append(f"{PAN} (or {OTHER})")
    if missing:
        raise UserError(
            "pair-incomplete",
            f"{folder}: there is no {', '.join(missing)}",
            f"give {', '.join(BANDS)} or {STACK}, and {PAN} or {OTHER}",
        )
    return [folder / name for name in names]


def _read(path: Path) -> _Image:
    with open_scene(path) as scene:
        values, valid = scene.read(0, 0, scene.height, scene.width)
        return _Image(np.ma.MaskedArray(values, mask=~valid), scene.georeferencing)


def _joined(images: Sequence[_Image], folder: Path) -> _Image:
    first = images[0]
    for image in images[1:]:
        placed = image.georeferencing.transform.almost_equals(first.georeferencing.transform)
        same_kind = image.values.dtype == first.values.dtype
        if image.size != first.size or not placed or not same_kind:
            raise UserError(
                "pair-grids-differ",
                f"{folder}: the bands differ in size, position or data type",
                "resample the bands to one grid, with one data type",
            )
    return _Image(np.ma.concatenate([image.values for image in images]), first.georeferencing)


def _to_truth(folder: Path, bands: _Image, truth: _Image) -> Affine:
    """Return the transform from the bands' to the truth's columns and rows."""
    ours, theirs = bands.georeferencing, truth.georeferencing
    if ours.transform.is_identity and theirs.transform.is_identity:
        (height, width), (rows, columns) = bands.size, truth.size
        return Affine.scale(columns / width, rows / height)
    if ours.crs != theirs.crs or ours.transform.is_identity or theirs.transform.is_identity:
        systems = [
            str(g.crs or "no coordinate system") if not g.transform.is_identity else "none"
            for g in (ours, theirs)
        ]
        raise UserError(
            "pair-crs-differs",
            f"{folder}: bands and truth have different georeferencing: {' and '.join(systems)}",
            "reproject one of them to the coordinate system of the other",
        )
    return ~theirs.transform @ ours.transform


def _factor(folder: Path, to_truth: Affine, size: tuple[int, int]) -> int:
    """Return how many pixels of the truth make one of the result on each axis."""
    ratios = (to_truth.e, to_truth.a)
    factor = round(min(ratios) / SCALE)
    drift = [abs(r - SCALE * factor) * n for r, n in zip(ratios, size, strict=True)]
    turned = max(abs(to_truth.b), abs(to_truth.d)) * max(size)
    if factor < 1 or max(*drift, turned) > _DRIFT * factor:
        raise UserError(
            "pair-ratio-wrong",
            f"{folder}: a pixel of the bands is {ratios[0]:.4g} x {ratios[1]:.4g} pixels of the "
            "truth, which must be 2, 4, 6 or another even number, and not turned",
            "resample the truth",
        )
    return factor


def _averaged(values: Array, factor: int) -> Array:
    """Return means of ``factor`` x ``factor`` pixels; NaN where one of them is."""
    count, height, width = values.shape
    rows, columns = height // factor, width // factor
    whole = values[:, : rows * factor, : columns * factor]
    return whole.reshape(count, rows, factor, columns, factor).mean((2, 4))
