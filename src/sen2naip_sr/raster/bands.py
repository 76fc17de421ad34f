"""The bands of a raster: image and alpha bands, supported values, descriptions."""

import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader
from rasterio.windows import Window

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.faults import RASTER_FAULTS
from sen2naip_sr.raster.tags import Tags, lasting_tags
from sen2naip_sr.raster.validity import representable

SAMPLE = 64
"""Rows and columns of the windows that decide whether a band is an alpha band."""

WINDOWS = 4
"""Number of these windows in each direction."""

OPAQUE = {"u": (255, 65535), "i": (255, 32767), "f": (1, 255, 65535)}
"""By kind of dtype, the values that mean fully opaque."""

MARKED_BY_DEFAULT = 4
"""GDAL marks the last of so many 8-bit bands as alpha, whatever it holds."""

MOSTLY = 0.9
"""Share of the pixels that are not 0 that an alpha band has at its opaque value, at the least."""

ALPHA_NAME = re.compile("alpha|opacity|transparency|mask", re.IGNORECASE)
NIR_NAME = re.compile(r"\bnir|infra", re.IGNORECASE)

logger = logging.getLogger(__name__)


TAKEN = ("all",)
"""What no band may be called: all bands together are."""


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


def band_names(bands: Sequence[Band]) -> tuple[str, ...]:
    """Return a name for each band that no other has: its description where that is one.

    Descriptions that are blank, equal but for case and spaces, or that name all bands together get
    the band's number.
    """
    described = [" ".join((band.description or "").split()) for band in bands]
    plain = [text.casefold() for text in described]
    names: list[str] = []
    for band, text, key in zip(bands, described, plain, strict=True):
        name = text or f"band {band.number}"
        if key in TAKEN or (text and plain.count(key) > 1):
            name = f"{text} (band {band.number})"
        while name.casefold() in (*TAKEN, *map(str.casefold, names)):
            name = f"{name} (band {band.number})"
        names.append(name)
    return tuple(names)


def chosen_bands(
    path: Path | str, source: DatasetReader, alpha: int | None, bands: Sequence[int] | None
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


def check_band(path: Path | str, source: DatasetReader, number: int) -> None:
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


def alpha_band(name: str, source: DatasetReader, count: int | None = None) -> int | None:
    """Find the alpha band of a dataset.

    A band is declared to be alpha by its colour interpretation or its name. By default GDAL marks
    the fourth of four bands as alpha, so near-infrared is often marked, too. Then the wanted number
    of image bands decides, and without one the band's values.

    Args:
        name: The dataset's name, for messages.
        source: The dataset.
        count: The wanted number of image bands; None: unknown.

    Returns:
        The band's number; None if there is none.

    Raises:
        UserError: If a band is needed as an image band, but is marked as alpha and holds nothing
            but the values of one.
    """
    found = declared_alpha(source)
    if found is None:
        return None
    description = source.descriptions[found - 1] or ""
    if ALPHA_NAME.search(description):
        return found
    if NIR_NAME.search(description):
        return None
    if count == source.count:
        _require_image(name, source, found)
        return None
    if count == source.count - 1 or source.count != MARKED_BY_DEFAULT:
        return found
    return found if _opaque_share(source, found) >= MOSTLY else None


def declared_alpha(source: DatasetReader) -> int | None:
    """Return the number of the first band that is declared to be alpha; None without one."""
    if source.count == 1:
        return None
    kinds = zip(source.colorinterp, source.descriptions, strict=True)
    declared = (
        number
        for number, (kind, name) in enumerate(kinds, 1)
        if kind == ColorInterp.alpha or re.fullmatch("alpha", name or "", re.IGNORECASE)
    )
    return next(declared, None)


def _require_image(name: str, source: DatasetReader, number: int) -> None:
    """Refuse a marked band that holds nothing but the values of an alpha band."""
    if _opaque_share(source, number) == 1:
        raise UserError(
            "alpha-or-image",
            f"{name}: band {number} is marked as alpha (transparency) and its values are those of "
            f"alpha, opaque or 0, but {source.count} image bands are expected, as many as there "
            "are with it",
            f"if it is an image band such as near-infrared, choose it by its number, {number}, "
            f"among the bands; if it is alpha, give a file with {source.count} bands besides it",
        )
    logger.debug("%s: band %d is marked as alpha and taken for an image band", name, number)


def _opaque_share(source: DatasetReader, number: int) -> float:
    """Return the share of opaque values among a band's sampled values that are not 0.

    Zeros tell nothing: near-infrared is 0 over water and in collars. Without any other, it is 0.
    Damaged parts of the file are left out.
    """
    parts = [np.zeros(0, source.dtypes[number - 1])]
    for window in _windows(source):
        try:
            parts.append(source.read(number, window=window).ravel())
        except RASTER_FAULTS:
            # the next call raises the error of this one once more, then it is forgotten
            with suppress(Exception):
                _ = source.colorinterp
    values = np.concatenate(parts)
    values = values[values != 0]
    return float(np.isin(values, OPAQUE[values.dtype.kind]).mean()) if values.size else 0.0


def _windows(source: DatasetReader) -> list[Window]:
    """Return small windows spread over the dataset, since reading a whole scene takes too long."""
    height, width = min(SAMPLE, source.height), min(SAMPLE, source.width)
    tops = np.linspace(0, source.height - height, WINDOWS).astype(int)
    lefts = np.linspace(0, source.width - width, WINDOWS).astype(int)
    return [Window(left, top, width, height) for top in tops for left in lefts]
