"""The bands of a raster: image and alpha bands, supported values, descriptions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader
from rasterio.windows import Window

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.tags import Tags, lasting_tags
from sen2naip_sr.raster.validity import representable

SAMPLE = 64
"""Rows and columns of the windows that decide whether a band is an alpha band."""

WINDOWS = 4
"""Number of these windows in each direction."""

OPAQUE = {"u": (255, 65535), "i": (255, 32767), "f": (1, 255, 65535)}
"""By kind of dtype, the values that mean fully opaque."""


@dataclass(frozen=True)
class Band:
    """The description of one band of a scene.

    Attributes:
        number: Its number in the file, from 1.
        description: Its name, if it has one.
        interpretation: Its colour interpretation.
        nodata: The nodata value; None if no pixel can have it.
        scale: ``scale * value + offset`` is in ``unit``.
        offset: See ``scale``.
        unit: The unit, if it has one.
        tags: Its tags.
    """

    number: int
    description: str | None
    interpretation: ColorInterp
    nodata: float | None
    scale: float
    offset: float
    unit: str | None
    tags: Tags


def chosen_bands(
    path: Path, source: DatasetReader, alpha: int | None, bands: Sequence[int] | None
) -> list[int]:
    """Return the numbers of the image bands: the user's choice, or all but the alpha band.

    Raises:
        UserError: If the file has no bands, or not these.
    """
    if source.count == 0:
        parts = source.subdatasets
        raise UserError(
            "only-subdatasets",
            f"{path}: has no bands of its own, only {len(parts)} subdatasets such as "
            f"'{(*parts, 'none')[0]}'",
            "extract one into a file of its own",
        )
    if bands is None:
        return [number for number in source.indexes if number != alpha]
    require_bands(str(path), bands, source.count)
    return list(bands)


def require_bands(name: str, bands: Sequence[int], count: int) -> None:
    """Check that a scene with ``count`` bands has the chosen ones, counted from 1.

    Raises:
        UserError: If no band is chosen, one is chosen twice, or one does not exist.
    """
    known = f"choose from its bands 1 to {count}, each once"
    if not bands:
        raise UserError("no-bands", f"{name}: no band is chosen", known)
    missing = [number for number in bands if not 1 <= number <= count]
    if missing:
        raise UserError(
            "unknown-band", f"{name}: has no band {', '.join(map(str, missing))}", known
        )
    if len(set(bands)) < len(bands):
        raise UserError("band-twice", f"{name}: a band is chosen twice in {list(bands)}", known)


def check_band(path: Path, source: DatasetReader, number: int) -> None:
    """Check that a band holds values that can be upscaled.

    Raises:
        UserError: If it holds indices, complex numbers or 64-bit integers.
    """
    dtype = source.dtypes[number - 1]
    if source.colorinterp[number - 1] == ColorInterp.palette:
        raise UserError(
            "colour-table",
            f"{path}: band {number} holds indices into a colour table, which cannot be upscaled",
            "convert the indices to colours",
        )
    if dtype.startswith("complex"):
        raise UserError(
            "complex-values",
            f"{path}: band {number} holds complex numbers ({dtype})",
            "give amplitudes or intensities instead",
        )
    if dtype in ("int64", "uint64"):
        raise UserError(
            "dtype-unsupported",
            f"{path}: band {number} is {dtype}, which no network can represent exactly",
            "convert it to int32 or float64",
        )


def read_band(source: DatasetReader, number: int) -> Band:
    """Read the description of a band."""
    i = number - 1
    kind, nodata = source.colorinterp[i], source.nodatavals[i]
    return Band(
        number,
        source.descriptions[i],
        kind,
        nodata if representable(nodata, np.dtype(source.dtypes[i])) else None,
        source.scales[i],
        source.offsets[i],
        source.units[i],
        lasting_tags(source, number),
    )


def alpha_band(source: DatasetReader) -> int | None:
    """Find the alpha band of a dataset.

    By default GDAL marks the fourth of four 8-bit bands as alpha, so near-infrared is often marked
    as alpha. A marked band counts as alpha only if its name does not contradict and if most of its
    pixels are either transparent or opaque.

    Returns:
        The band's number; None if there is none.
    """
    marked = [n for n, kind in enumerate(source.colorinterp, 1) if kind == ColorInterp.alpha]
    return next((n for n in marked if source.count > 1 and _says_opacity(source, n)), None)


def _says_opacity(source: DatasetReader, number: int) -> bool:
    name = source.descriptions[number - 1] or ""
    if re.search("alpha|opacity|transparency|mask", name, re.IGNORECASE):
        return True
    if re.search(r"\bnir|infra", name, re.IGNORECASE):
        return False
    values = np.concatenate([source.read(number, window=w).ravel() for w in _windows(source)])
    return bool(np.isin(values, (0, *OPAQUE[values.dtype.kind])).mean() >= 0.5)


def _windows(source: DatasetReader) -> list[Window]:
    """Return small windows spread over the dataset, since reading a whole scene takes too long."""
    height, width = min(SAMPLE, source.height), min(SAMPLE, source.width)
    tops = np.linspace(0, source.height - height, WINDOWS).astype(int)
    lefts = np.linspace(0, source.width - width, WINDOWS).astype(int)
    return [Window(left, top, width, height) for top in tops for left in lefts]
