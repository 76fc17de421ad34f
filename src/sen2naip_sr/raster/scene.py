"""A raster file as a scene: its windows, validity and metadata."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import DatasetReader
from rasterio.windows import Window

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.faults import RASTER_FAULTS, reason_of
from sen2naip_sr.raster.access.opening import further_parts
from sen2naip_sr.raster.access.presence import require_present
from sen2naip_sr.raster.band_names import band_numbers
from sen2naip_sr.raster.bands import (
    alpha_band,
    check_band,
    chosen_bands,
    declared_alpha,
    read_band,
)
from sen2naip_sr.raster.georeferencing import Georeferencing
from sen2naip_sr.raster.products.decoded import DecodedProduct
from sen2naip_sr.raster.products.opening import Opened, open_source
from sen2naip_sr.raster.products.product import Product
from sen2naip_sr.raster.products.sensors import Published, published_of
from sen2naip_sr.raster.products.variants import VARIANTS
from sen2naip_sr.raster.tags import lasting_tags
from sen2naip_sr.raster.validity import is_nodata, representable

logger = logging.getLogger(__name__)

MARKINGS = ({MaskFlags.all_valid}, {MaskFlags.nodata}, {MaskFlags.per_dataset, MaskFlags.alpha})
"""GDAL's mask flags of a band without a mask of its own."""


class FileScene:
    """An open raster as a `sen2naip_sr.raster.protocol.Scene`; a context manager.

    Attributes:
        path: The file, or the name of what is no file by itself.
        bands: The chosen image bands, in the chosen order.
        alpha: The alpha band, which is not an image band.
        masked: Whether the file has a mask besides nodata values and the alpha band.
        georeferencing: Its georeferencing.
        tags: Tags of the file that stay valid at another pixel size.
        dtype: The dtype that holds all image bands.
        height: Rows.
        width: Columns.
        files: All files that it consists of.
        product: The product that it is; None if it is a raster.
    """

    def __init__(
        self, path: Path | str, source: DatasetReader, numbers: Sequence[int], alpha: int | None
    ) -> None:
        self.product: Product | None = None
        self._decoded: DecodedProduct | None = None
        self.path = path
        self.height: int = source.height
        self.width: int = source.width
        self.dtype: np.dtype[Any] = np.result_type(*(source.dtypes[n - 1] for n in numbers))
        self.bands = tuple(read_band(source, number) for number in numbers)
        self.alpha = None if alpha is None else read_band(source, alpha)
        self.georeferencing = Georeferencing.of(source)
        self.tags = lasting_tags(source)
        self.files = tuple(Path(name) for name in source.files)
        flags = [set(source.mask_flag_enums[n - 1]) for n in numbers]
        self.masked = any(flag not in MARKINGS for flag in flags)
        self._mask_bands = [1] if MaskFlags.per_dataset in flags[0] else list(numbers)
        self._source = source
        self._lock = Lock()

    @property
    def name(self) -> str:
        """The path, for messages."""
        return str(self.path)

    @property
    def count(self) -> int:
        """The number of chosen bands."""
        return len(self.bands)

    @property
    def nodata(self) -> tuple[float | None, ...]:
        """Each band's nodata value."""
        return tuple(band.nodata for band in self.bands)

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Array, Array]:
        """Read a window inside the scene, from any thread.

        Returns:
            Values (C, h, w) in the scene's dtype, and their validity (C, h, w), bool. Invalid are
            a band's nodata value, NaN, infinities, fully transparent pixels, and pixels that the
            mask excludes (in any band).

        Raises:
            UserError: If the file is damaged there.
        """
        window = self._window(top, left, height, width)
        alpha = None
        decoded = None
        if self._decoded:
            numbers = [band.number for band in self.bands]
            decoded = self._decoded.read(numbers, (top, left, height, width))
        with self._lock:
            try:
                values = self._values(window) if decoded is None else decoded
                masks = self._masks(window)
                if self.alpha is not None:
                    alpha = self._source.read(self.alpha.number, window=window)
            except RASTER_FAULTS as error:
                raise _damaged(self.path, error) from error
        valid = np.isfinite(values)
        for data, band, number in zip(valid, values, self.nodata, strict=True):
            if number is not None:
                np.logical_and(data, ~is_nodata(band, number), out=data)
        for outside in (masks, alpha):
            if outside is not None:
                valid &= outside != 0
        return values, valid

    def read_alpha(self, top: int, left: int, height: int, width: int) -> Array:
        """Read a window of the alpha band: (h, w) in the scene's dtype.

        Raises:
            UserError: If the file is damaged there.
            ValueError: If the scene has no alpha band.
        """
        if self.alpha is None:
            raise ValueError(f"{self.path} has no alpha band")
        window = self._window(top, left, height, width)
        with self._lock:
            try:
                return self._source.read(self.alpha.number, window=window, out_dtype=self.dtype)
            except RASTER_FAULTS as error:
                raise _damaged(self.path, error) from error

    @property
    def driver(self) -> str:
        """GDAL's name of what opened it."""
        return str(self._source.driver)

    @property
    def every_band(self) -> tuple[tuple[str | None, ...], tuple[ColorInterp, ...]]:
        """Names and colour interpretations of all bands of the file."""
        return self._source.descriptions, self._source.colorinterp

    @property
    def published(self) -> Published | None:
        """What is published of the noise and blur of its sensor; None if nothing is."""
        return published_of(self.product, [band.number for band in self.bands])

    def declare(self, nodata: float) -> None:
        """Let a value stand for no data in all bands, instead of what the file declares."""
        known = nodata if representable(nodata, self.dtype) else None
        self.bands = tuple(replace(band, nodata=known) for band in self.bands)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._source.close()
        if self._decoded:
            self._decoded.close()

    def is_of(self, opened: Opened) -> "FileScene":
        """Take what a product tells of itself, and its way to read pixels."""
        self.product, self._decoded = opened.product, opened.decoded
        if opened.product:
            self.files = opened.product.files
        return self

    def __enter__(self) -> "FileScene":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _values(self, window: Window) -> Array:
        numbers = [band.number for band in self.bands]
        if len({self._source.dtypes[number - 1] for number in numbers}) == 1:
            return self._source.read(numbers, window=window)
        bands = [self._source.read(n, window=window, out_dtype=self.dtype) for n in numbers]
        return np.stack(bands)

    def _masks(self, window: Window) -> Array | None:
        if not self.masked:
            return None
        return self._source.read_masks(self._mask_bands, window=window).min(axis=0)

    def _window(self, top: int, left: int, height: int, width: int) -> Window:
        inside = 0 <= top <= top + height <= self.height and 0 <= left <= left + width <= self.width
        if not inside:
            raise ValueError(f"rows {top} + {height}, columns {left} + {width}: not in the scene")
        return Window(left, top, width, height)


def open_scene(  # noqa: PLR0913 - the last is a keyword
    path: str | Path,
    bands: Sequence[int | str] | None = None,
    count: int | None = None,
    nodata: float | None = None,
    drivers: Sequence[str] = (),
    *,
    variant: str = VARIANTS[0],
) -> FileScene:
    """Open a raster of any size, or a product of a sensor.

    Args:
        path: A file, what `sen2naip_sr.raster.access.locations.locate` takes besides, or what
            `sen2naip_sr.raster.products.finding.find_product` takes.
        bands: Numbers of the bands to use, from 1, or their names (see `band_numbers`), in the
            wanted order; None: all but an alpha band (see `alpha_band`). A band that is chosen
            here is an image band, even if it is marked as alpha.
        count: The wanted number of bands, where ``bands`` is None; None: any.
        nodata: The value that stands for no data, instead of what the file declares. None: that.
        drivers: GDAL's names of drivers to allow besides the usual ones.
        variant: Of products that have several.

    Raises:
        UserError: If the file is missing, not a raster or damaged, has no such bands, or has
            values that cannot be upscaled.
    """
    opened = open_source(path, drivers, variant)
    try:
        return scene_of(opened.name, opened.dataset, bands, count, nodata).is_of(opened)
    except RASTER_FAULTS as error:
        opened.close()
        raise _damaged(opened.name, error) from error
    except BaseException:
        opened.close()
        raise


def scene_of(
    path: Path | str,
    source: DatasetReader,
    bands: Sequence[int | str] | None,
    count: int | None = None,
    nodata: float | None = None,
) -> FileScene:
    """Return an open dataset as a scene; see `open_scene`. `RASTER_FAULTS` mean damage."""
    if nodata is None:
        require_present(path, source)
    asked = None if bands is None else band_numbers(str(path), source, bands)
    alpha = _alpha_besides(path, source, asked, count)
    numbers = chosen_bands(path, source, alpha, asked)
    for number in numbers:
        check_band(path, source, number)
    if parts := further_parts(source):
        logger.warning("%s: only its first page is read; the others are %s", path, parts)
    scene = FileScene(path, source, numbers, alpha)
    if nodata is not None:
        scene.declare(nodata)
    return scene


def _alpha_besides(
    path: Path | str, source: DatasetReader, bands: Sequence[int] | None, count: int | None
) -> int | None:
    """Return the alpha band, unless it is chosen as an image band."""
    if bands is None:
        return alpha_band(str(path), source, count)
    return None if declared_alpha(source) in bands else alpha_band(str(path), source)


def _damaged(path: Path | str, error: Exception) -> UserError:
    return UserError(
        "file-damaged",
        f"{path}: cannot be read ({reason_of(error)})",
        "it is cut short or damaged: copy or download it again",
    )
