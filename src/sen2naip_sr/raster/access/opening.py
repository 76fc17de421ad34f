"""The one function that opens rasters for reading, and the one for the project's own files.

A raster may come from anybody. GDAL has a driver for everything, and some open other files, send
requests or run code; a lint rule keeps the rest of the project from calling it in other ways.
"""

import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import DatasetReader, MemoryFile
from rasterio.windows import Window

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.drivers import DRIVERS, FORMATS, recognised, require_known
from sen2naip_sr.raster.access.environment import gdal_environment
from sen2naip_sr.raster.access.faults import RASTER_FAULTS, reason_of
from sen2naip_sr.raster.access.locations import Location, locate
from sen2naip_sr.raster.access.sidecars import OPENED, check_sidecars
from sen2naip_sr.raster.access.sizes import largest_block
from sen2naip_sr.raster.access.vrt import all_references

logger = logging.getLogger(__name__)

STRANGE = "not recognized as being in a supported"
"""GDAL's words for a file that is there and that no allowed driver opens."""

FAULTS: tuple[type[Exception], ...] = (UserError, *RASTER_FAULTS)

MOST_BANDS = 512
NAMED_PARTS = 3
MOST_BLOCK_BYTES = 512 * 2**20
"""Bytes that must be decoded at once, for one block of all bands."""


def open_raster(
    source: str | os.PathLike[str] | Location, drivers: Sequence[str] = ()
) -> DatasetReader:
    """Open a raster for reading.

    Args:
        source: What `locate` takes.
        drivers: GDAL's short names of drivers to allow besides `DRIVERS`.

    Returns:
        The dataset. Its masks are open already, so that settings of GDAL no longer matter.

    Raises:
        UserError: If it is missing or no regular file, its format is not allowed, it refers to
            what is not allowed, it cannot be opened, or it takes too much memory to read.
    """
    require_known(drivers)
    location = source if isinstance(source, Location) else locate(source)
    try:
        allowed = _allowed(location, drivers)
        with gdal_environment(**_of_sidecars(location)):
            dataset = _quietly_opened(location.name, allowed)
            try:
                _check_overviews(location, dataset)
                _check_size(location, dataset)
                # this opens the masks
                _ = dataset.mask_flag_enums
            except BaseException:
                dataset.close()
                raise
    except RASTER_FAULTS as error:
        raise UserError(
            "not-a-raster",
            f"{location.given}: is no raster, or a damaged one ({reason_of(error)})",
            "give a raster such as a GeoTIFF; if it is one, copy or download it again",
        ) from error
    return dataset


def open_vrt(text: str, corners: Sequence[tuple[int, int]] = ()) -> DatasetReader:
    """Open a VRT that the project itself has made, of files that it has opened before.

    Args:
        text: The VRT.
        corners: Column and row of pixels to read, one of each file: that opens the files.

    Raises:
        rasterio.errors.RasterioIOError: If it cannot be opened or read.
    """
    with gdal_environment():
        dataset = _quietly_opened(text, ["VRT"])
        try:
            # this opens the masks
            _ = dataset.mask_flag_enums
            for column, row in dict.fromkeys(corners):
                dataset.read(window=Window(column, row, 1, 1))
        except BaseException:
            dataset.close()
            raise
        return dataset


def further_parts(dataset: DatasetReader) -> str:
    """Return the names of a dataset's other pages or tables, as they can be opened; "" if none."""
    if not dataset.count:
        return ""
    names = list(dataset.subdatasets)[1:]
    more = f", and {len(names) - NAMED_PARTS} more" if len(names) > NAMED_PARTS else ""
    return ", ".join(names[:NAMED_PARTS]) + more


def open_memory(content: bytes) -> tuple[MemoryFile, DatasetReader]:
    """Open the bytes of a GeoTIFF; close the dataset first, then the memory.

    Raises:
        rasterio.errors.RasterioIOError: If they are no GeoTIFF.
    """
    memory = MemoryFile(content)
    try:
        with gdal_environment():
            return memory, memory.open(driver="GTiff")
    except BaseException:
        memory.close()
        raise


def open_own(path: Path, mode: str = "r", **options: Any) -> Any:
    """Open a GeoTIFF that the project itself writes or has just written, in any mode.

    Raises:
        rasterio.errors.RasterioIOError: If it cannot be opened.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path, mode, **({"driver": "GTiff"} | options))


def _allowed(location: Location, drivers: Sequence[str]) -> list[str]:
    """Return the drivers that may open a location, after a look at what it refers to."""
    if location.part:
        if location.part not in (*DRIVERS, *drivers):
            raise _format_refused(
                location.given, f"is not opened, since its driver {location.part} is not allowed"
            )
        _check_beside(location.file)
        return [location.part]
    if location.file is None or not location.plain:
        return [*DRIVERS, *drivers]
    _check_beside(location.file)
    driver = recognised(location.file)
    if driver == "VRT":
        _check_references(location.file)
    if driver is None and not drivers:
        raise _format_refused(location.given, f"is no raster as {FORMATS}")
    return [driver] if driver else list(drivers)


def _check_references(path: Path) -> None:
    for name in all_references(path):
        try:
            found = locate(name)
        except UserError as error:
            raise _reference_refused(path, error.problem) from error
        if found.file is None:
            raise _reference_refused(path, f"{name} is not on this machine")
        if not found.plain or (driver := recognised(found.file)) is None:
            raise _reference_refused(path, f"{name} is no {FORMATS}")
        _check_beside(found.file)
        if driver != "VRT":
            _check_alone(found.file, driver)


def _quietly_opened(name: str, drivers: list[str]) -> DatasetReader:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return DatasetReader(name, driver=drivers)


def _of_sidecars(location: Location) -> dict[str, str]:
    """Return the settings that make GDAL leave out what lies beside a raster, if they are needed.

    Files beside a remote raster cannot be looked at first. Each is opened as a TIFF by itself:
    where one is there and is none, all are left out.
    """
    if location.plain or location.part:
        return {}
    alone = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
    with gdal_environment(**alone):
        for ending in OPENED:
            try:
                with _quietly_opened(location.name + ending, [DRIVERS[0]]) as sidecar:
                    _check_overviews(location, sidecar)
            except FAULTS as error:
                if isinstance(error, UserError) or STRANGE in reason_of(error):
                    logger.warning(
                        "%s: what lies beside it is left out, since its %s is no plain TIFF",
                        location.given,
                        ending,
                    )
                    return alone
    return {}


def _check_beside(path: Path | None) -> None:
    """Check the files beside a local raster or, for one in an archive, beside that."""
    for sidecar in check_sidecars(path) if path else []:
        _check_alone(sidecar, DRIVERS[0])


def _check_alone(path: Path, driver: str) -> None:
    """Check the overviews of a file that GDAL will open by itself, with another."""
    with gdal_environment(), _quietly_opened(str(path), [driver]) as dataset:
        _check_overviews(Location(str(path), str(path), path), dataset)


def _check_overviews(location: Location, dataset: DatasetReader) -> None:
    """Refuse what names a file of overviews, which GDAL opens with any driver."""
    if "OVERVIEW_FILE" in {name.upper() for name in dataset.tags(ns="OVERVIEWS")}:
        raise UserError(
            "sidecar-refused",
            f"{location.given}: is not opened, since its metadata name a file of overviews",
            "remove that entry, or the file .aux.xml beside the raster",
        )


def _check_size(location: Location, dataset: DatasetReader) -> None:
    if dataset.count > MOST_BANDS:
        raise _too_large(location, f"it has {dataset.count:,} bands, more than {MOST_BANDS:,}")
    if not dataset.count:
        return
    rows, columns, size = largest_block(dataset)
    if size > MOST_BLOCK_BYTES:
        raise _too_large(
            location,
            f"its pixels come in blocks of {columns:,} x {rows:,}, which take "
            f"{size / 2**20:,.0f} MB of memory at once",
        )


def _too_large(location: Location, reason: str) -> UserError:
    return UserError(
        "raster-too-large",
        f"{location.given}: {reason}",
        "store it in tiles of a few hundred pixels, with the bands that are needed",
    )


def _format_refused(name: str, reason: str) -> UserError:
    return UserError(
        "format-refused",
        f"{name}: {reason}",
        "convert it to a GeoTIFF, or allow its driver by GDAL's name for it",
    )


def _reference_refused(path: Path, reason: str) -> UserError:
    return UserError(
        "vrt-refused",
        f"{path}: the VRT refers to what is not opened for it: {reason}",
        "make it refer to files on this machine, or make a GeoTIFF of it",
    )
