"""The common layout of a set of files, and the files that differ from it."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.crs import CRS
from rasterio.env import Env
from rasterio.io import DatasetReader

from sen2naip_sr.ahead import map_ahead
from sen2naip_sr.chips.cutting import Rejection, chip_windows
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.environment import gdal_environment
from sen2naip_sr.raster.access.faults import RASTER_FAULTS, reason_of
from sen2naip_sr.raster.band_names import ROLES, band_numbers, suggestion
from sen2naip_sr.raster.bands import alpha_band
from sen2naip_sr.raster.scene import FileScene, scene_of
from sen2naip_sr.sources.base import SourceFile
from sen2naip_sr.sources.parameters import IngestionParameters

SAMPLED_FILES = 32
LARGEST_DEFAULT_CHIP = 512
FALLBACK_CHIP = 484
MOST_CHIPS = 1_000_000
"""Chips of one file: a few bytes of a header may promise any number."""

BLOCK_CACHE_BYTES = 256 * 2**20
"""It holds a row of 484-pixel chips of a scene 130,000 pixels wide (4 bands of 8 bits), so that no
strip is decoded twice. GDAL's default, a share of the machine's memory, has no bound."""

DTYPES = {np.dtype(code).name for code in ("u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8")}


@dataclass(frozen=True)
class Header:
    """The properties of a file that ingestion needs before it reads a pixel."""

    driver: str
    height: int
    width: int
    bands: int
    """Without an alpha band."""
    dtype: str
    crs: str
    chosen: tuple[int, ...] = ()
    """The bands that are asked for by number or name, by number."""
    choice: str = ""
    """Which bands to take of such a file for a network of four, in words."""


@dataclass(frozen=True)
class Layout:
    """The common layout of all files of a dataset: side of a chip, number of bands and dtype."""

    chip_size: int
    bands: int
    dtype: np.dtype[Any]

    def windows(self, header: Header) -> list[tuple[int, int]]:
        """Return (row, column) of every chip of a file."""
        return chip_windows(header.height, header.width, self.chip_size)


def settle_layout(files: Sequence[SourceFile], parameters: IngestionParameters) -> Layout:
    """Find the most common layout of the usable files.

    A random sample of the files decides if its files agree; otherwise all files are read.

    Raises:
        UserError: If no file can be used.
    """
    sampled = random.Random(0).sample(list(files), min(SAMPLED_FILES, len(files)))
    votes, rejected = _ask(sampled, parameters)
    if len(sampled) < len(files) and len(set(votes)) != 1:
        votes, rejected = _ask(files, parameters)
    if not votes:
        raise nothing_usable(rejected)
    dtype = _most_common(dtype for dtype, _ in votes)
    side = _most_common(side for vote, side in votes if vote == dtype)
    bands = parameters.bands
    return Layout(
        chip_size=parameters.chip_size or side,
        bands=len(bands) if isinstance(bands, list) else bands,
        dtype=np.dtype(dtype),
    )


def enter_environment() -> None:
    """Configure GDAL once for this thread, instead of once for every file."""
    environment().__enter__()


def environment() -> Env:
    """Return GDAL's settings for reading scenes of any size in bounded memory."""
    return gdal_environment(GDAL_CACHEMAX=BLOCK_CACHE_BYTES)


def read_header(name: str, raster: DatasetReader, parameters: IngestionParameters) -> Header:
    """Return the header of an open raster.

    Raises:
        UserError: If it cannot be told whether a band is alpha.
    """
    asked = parameters.bands
    alpha: int | None = None
    chosen: tuple[int, ...] = ()
    if isinstance(asked, int):
        alpha = alpha_band(name, raster, asked)
    else:
        chosen = tuple(band_numbers(name, raster, asked))
    return Header(
        driver=raster.driver,
        height=raster.height,
        width=raster.width,
        bands=raster.count - (alpha is not None),
        dtype=raster.dtypes[0] if len(set(raster.dtypes)) == 1 else "mixed",
        crs=_crs_name(raster.crs) if raster.crs else "",
        chosen=chosen,
        choice=suggestion(raster.descriptions, raster.colorinterp),
    )


def scene_in(name: str, raster: DatasetReader, parameters: IngestionParameters) -> FileScene:
    """Return the bands that are asked for of an open raster as a scene."""
    asked, nodata = parameters.bands, parameters.nodata
    if isinstance(asked, int):
        return scene_of(Path(name), raster, None, asked, nodata)
    return scene_of(Path(name), raster, asked, nodata=nodata)


@lru_cache(maxsize=64)
def _crs_name(crs: CRS) -> str:
    # this searches the EPSG registry, which costs a quarter of opening a file
    return crs.to_string()


def why_unusable(header: Header, parameters: IngestionParameters) -> Rejection | None:
    """Return why a file cannot be used in any dataset; None if it can."""
    asked = parameters.bands
    if isinstance(asked, int) and header.bands != asked:
        return Rejection(
            f"has {header.bands} bands, {asked} are required",
            header.choice if asked == len(ROLES) else "choose the bands to read",
        )
    if header.chosen and header.bands < max(header.chosen):
        return Rejection(
            f"has {header.bands} bands, band {max(header.chosen)} is required",
            "choose among its bands",
        )
    if header.dtype not in DTYPES:
        return Rejection(
            f"its pixels are of {header.dtype} type",
            f"convert all its bands to one of {', '.join(sorted(DTYPES))}",
        )
    return None


def why_different(header: Header, layout: Layout) -> Rejection | None:
    """Return why a usable file does not fit the layout; None if it does."""
    if header.dtype != layout.dtype.name:
        return Rejection(
            f"its pixels are {header.dtype}, most files' are {layout.dtype.name}",
            "a dataset has one dtype: convert it, or ingest it by itself",
        )
    count = (header.height // layout.chip_size) * (header.width // layout.chip_size)
    if count > MOST_CHIPS:
        return Rejection(
            f"its {header.width:,} x {header.height:,} pixels hold {count:,} chips, more than "
            f"{MOST_CHIPS:,}",
            "choose larger chips, or cut it into files",
        )
    if min(header.height, header.width) < layout.chip_size:
        return Rejection(
            f"its {header.width} x {header.height} pixels are smaller than a chip of "
            f"{layout.chip_size}",
            "choose smaller chips to accept it",
        )
    return None


def unreadable(error: Exception) -> Rejection:
    """Return the rejection of a file that cannot be opened."""
    return Rejection(
        f"cannot be opened as a raster ({reason_of(error)})",
        "it is empty, damaged, no GeoTIFF or not permitted: copy or download it again",
    )


def nothing_usable(rejected: Sequence[tuple[str, Rejection]]) -> UserError:
    """Return the error that names the first files and the reasons of their rejection."""
    shown = "".join(f"\n  {name}: {why.reason}" for name, why in rejected[:5])
    more = f"\n  ... and {len(rejected) - 5} more" if len(rejected) > 5 else ""
    remedies = dict.fromkeys(why.remedy for _, why in rejected[:5])
    count = len({name for name, _ in rejected})
    return UserError(
        "no-usable-chip",
        f"none of the {count} files holds a usable chip:{shown}{more}",
        "; or ".join(remedies),
    )


def _ask(
    files: Sequence[SourceFile], parameters: IngestionParameters
) -> tuple[list[tuple[str, int]], list[tuple[str, Rejection]]]:
    """Return (dtype, chip side) of every usable file, and the rejections of the others."""

    def look(file: SourceFile) -> Header | Rejection:
        try:
            with file.open() as raster:
                header = read_header(file.name, raster, parameters)
        except RASTER_FAULTS as error:
            return unreadable(error)
        except UserError as error:
            return Rejection(error.problem, error.remedy)
        return why_unusable(header, parameters) or header

    votes: list[tuple[str, int]] = []
    rejected: list[tuple[str, Rejection]] = []
    for file, seen in zip(files, map_ahead(look, files, enter_environment), strict=True):
        if isinstance(seen, Rejection):
            rejected.append((file.name, seen))
        else:
            votes.append((seen.dtype, _default_side(seen)))
    return votes, rejected


def _default_side(header: Header) -> int:
    side = min(header.height, header.width)
    return max(side - side % 2, 2) if side <= LARGEST_DEFAULT_CHIP else FALLBACK_CHIP


def _most_common(values: Iterable[Any]) -> Any:
    counts = Counter(values)
    # in a tie the smaller value wins, so the order of the files does not matter
    return min(counts, key=lambda value: (-counts[value], value))
