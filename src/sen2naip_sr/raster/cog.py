"""Writes a scene with smaller pixels as a cloud-optimised GeoTIFF (COG), window by window.

Format: https://docs.ogc.org/is/21-026/21-026.html
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import count, product, takewhile
from math import ceil
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetWriter
from rasterio.windows import Window

from sen2naip_sr.arrays import Array
from sen2naip_sr.files import check_target, explaining, replacing
from sen2naip_sr.raster.access.environment import gdal_environment
from sen2naip_sr.raster.access.opening import open_own
from sen2naip_sr.raster.areas.view import AreaFile
from sen2naip_sr.raster.bands import Band
from sen2naip_sr.raster.georeferencing import Georeferencing
from sen2naip_sr.raster.protocol import FACTOR
from sen2naip_sr.raster.scene import FileScene
from sen2naip_sr.raster.validity import Marking

Written = FileScene | AreaFile
"""What is upscaled to a file."""

BLOCK = 512
CACHE = 64 * 2**20
"""Bytes of GDAL's block cache; its default is a share of the machine's memory."""

COG_OPTIONS = {
    "COMPRESS": "DEFLATE",
    "LEVEL": 1,
    "PREDICTOR": "YES",
    "BLOCKSIZE": BLOCK,
    "BIGTIFF": "IF_SAFER",
    "NUM_THREADS": "ALL_CPUS",
    "OVERVIEWS": "AUTO",
    "OVERVIEW_RESAMPLING": "AVERAGE",
}


class CogTarget:
    """Writes the windows of one COG; see `writing_cog`."""

    def __init__(
        self,
        target: DatasetWriter,
        scene: Written,
        marking: Marking,
        explained: Callable[[], AbstractContextManager[None]],
        factor: int,
    ) -> None:
        self._explained = explained
        self._target = target
        self._scene = scene
        self._marking = marking
        self._factor = factor
        self._lock = Lock()

    def write(self, top: int, left: int, values: Array, valid: Array) -> None:
        """Write a window, in any order and from any thread.

        Args:
            top: First row, in output pixels.
            left: First column.
            values: (C, H, W) in the output's dtype. Invalid pixels hold the input's value. Valid
                pixels that equal the nodata value are moved off it.
            valid: Validity (C, H, W), bool. A pixel that is invalid in all bands becomes
                transparent in an alpha band and is excluded by a mask.

        Raises:
            UserError: If it cannot be written.
        """
        target, marking = self._target, self._marking
        height, width = values.shape[1:]
        pixels = marking.applied(values, valid, self._scene.nodata)
        shown = valid.any(axis=0)
        if marking.alpha:
            alpha = self._alpha(top, left, height, width) * shown
            pixels = np.concatenate([pixels, alpha[np.newaxis]])
        if pixels.shape[0] != target.count or pixels.dtype != target.dtypes[0]:
            raise ValueError(f"{values.dtype} values of shape {values.shape} are not the output's")
        window = Window(left, top, width, height)
        with self._lock, self._explained():
            target.write(pixels, window=window)
            if marking.mask or marking.guide:
                target.write_mask(shown, window=window)

    def _alpha(self, top: int, left: int, height: int, width: int) -> Array:
        """Return the input's opacity at output pixels."""
        rows, columns = (
            np.arange(start, start + size) // self._factor
            for start, size in ((top, height), (left, width))
        )
        alpha = self._scene.read_alpha(
            rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        )
        return alpha[np.ix_(rows - rows[0], columns - columns[0])]


@contextmanager
def writing_cog(  # noqa: PLR0913 - the last four are keywords
    path: str | Path,
    scene: Written,
    tags: Mapping[str, str],
    *,
    dtype: np.dtype[Any] | str | None = None,
    differences: bool = False,
    overwrite: bool = False,
    factor: int = FACTOR,
) -> Iterator[CogTarget]:
    """Write a scene with pixels ``factor`` times smaller, the same bounds and all its metadata.

    Pixels go into a plain GeoTIFF beside the target. At the end of the block GDAL makes the COG
    from it, which then replaces the target in one step: at any time the target is the old file or
    the complete new one. Memory does not grow with the scene.

    Args:
        path: The target.
        scene: The scene that is upscaled. Invalid pixels are marked in the output as in the scene:
            by a nodata value, an alpha band or a mask.
        tags: Tags to add to the scene's.
        dtype: The output's dtype; None: the scene's. A mask marks invalid pixels if the dtype has
            no value for them.
        differences: Whether the values are differences, to which the scene's offset does not apply.
        overwrite: Whether an existing file may be replaced.
        factor: Rows and columns of the result per row and column of the scene.

    Yields:
        The writer of the windows.

    Raises:
        UserError: If the target exists and may not be replaced, is the input, or cannot be
            written: missing folder, no permission, full disk.
    """
    path = Path(path)
    check_target(path, scene.files, overwrite)
    kind = scene.dtype if dtype is None else np.dtype(dtype)
    marking = Marking.like(scene, kind)
    across, down = (ceil(side * factor / BLOCK) for side in (scene.width, scene.height))
    size = across * down * BLOCK**2 * (scene.count + marking.alpha) * kind.itemsize
    explained = partial(explaining, path, size, (OSError, RasterioError))
    with replacing(path, size) as hidden:
        pixels = hidden.with_suffix(".pixels.tif")
        with gdal_environment(GDAL_CACHEMAX=CACHE):
            with explained():
                target = _created(pixels, scene, marking, kind, factor)
            with target:
                with explained():
                    target.update_tags(**{**scene.tags, **tags})
                    scene.georeferencing.refined(factor).write(target)
                    _describe(target, scene, marking, differences)
                yield CogTarget(target, scene, marking, explained, factor)
            with explained():
                _finish(pixels, hidden, scene.georeferencing.refined(factor), marking)


def _created(
    path: Path, scene: Written, marking: Marking, dtype: np.dtype[Any], factor: int
) -> DatasetWriter:
    """Create the GeoTIFF of the pixels, uncompressed: compression saves little and takes time."""
    return open_own(
        path,
        "w",
        driver="GTiff",
        count=scene.count + marking.alpha,
        height=scene.height * factor,
        width=scene.width * factor,
        dtype=dtype,
        nodata=marking.nodata,
        tiled=True,
        blockxsize=BLOCK,
        blockysize=BLOCK,
        interleave="pixel",
        photometric="MINISBLACK",
        alpha="unspecified",
        BIGTIFF="IF_SAFER",
    )


def _describe(
    target: DatasetWriter,
    scene: Written,
    marking: Marking,
    differences: bool,
) -> None:
    """Write what the scene tells of its bands, before its pixels."""
    bands = (*scene.bands, scene.alpha) if marking.alpha and scene.alpha else scene.bands
    target.colorinterp = [_interpretation(band, scene) for band in bands]
    for number, band in enumerate(bands, 1):
        if band.description:
            target.set_band_description(number, band.description)
        if band.unit:
            target.set_band_unit(number, band.unit)
        target.update_tags(number, **band.tags)
    if any((band.scale, band.offset) != (1, 0) for band in bands):
        target.scales = [band.scale for band in bands]
        target.offsets = [0.0 if differences else band.offset for band in bands]
    if marking.mask or marking.guide:
        # created in this thread, whose GDAL settings make the mask a separate file
        target.write_mask(np.zeros((1, 1), bool), window=Window(0, 0, 1, 1))


def _interpretation(band: Band, scene: Written) -> ColorInterp:
    mistaken = band.interpretation == ColorInterp.alpha and band is not scene.alpha
    return ColorInterp.undefined if mistaken else band.interpretation


def _check_blocks(path: Path) -> None:
    """Raise an `OSError` unless the file contains all its blocks.

    GDAL writes most blocks when the file is closed, reports no failure then, and reads a missing
    block as zeros.
    """
    size = path.stat().st_size
    with open_own(path) as source:
        levels = len(source.overviews(1))
    for level in (None, *range(levels)):
        with open_own(path, overview_level=level) as source:
            rows, columns = source.block_shapes[0]
            across, down = ceil(source.width / columns), ceil(source.height / rows)
            for name in (f"{x}_{y}" for y, x in product(range(down), range(across))):
                start, length = (
                    int(source.get_tag_item(f"BLOCK_{kind}_{name}", "TIFF", bidx=1) or -1)
                    for kind in ("OFFSET", "SIZE")
                )
                if length < 0 or start + length > size:
                    raise OSError(f"block {name} was not written")


def _add_overviews(path: Path) -> None:
    """Add overviews; the mask excludes invalid pixels from them."""
    with open_own(path, "r+") as target:
        larger = max(target.shape)
        factors = takewhile(lambda f: larger > BLOCK * f // 2, (2**k for k in count(1)))
        target.build_overviews(list(factors), Resampling.average)


def _finish(pixels: Path, cog: Path, ground: Georeferencing, marking: Marking) -> None:
    """Make the COG from the written pixels."""
    mask = pixels.with_name(f"{pixels.name}.msk")
    if mask.exists():
        _check_blocks(mask)
    ground.write_gcps(pixels)
    if marking.guide:
        _add_overviews(pixels)
        if not marking.mask:
            mask.unlink()
    _check_blocks(pixels)
    rasterio.shutil.copy(pixels, cog, driver="COG", **COG_OPTIONS)
    _check_blocks(cog)
