"""GeoTIFFs as images in memory."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.inference.values import choose_range
from sen2naip_sr.raster.scene import FileScene, open_scene
from sen2naip_sr.training.mixture.held_out import Bounds
from sen2naip_sr.training.mixture.images import Image

ValueRange = tuple[float, float]


def read_image(scene: FileScene, value_range: ValueRange | None = None) -> Image:
    """Read a whole scene.

    Args:
        scene: The scene.
        value_range: Digital numbers that become 0 and 1; None: those of 8 bits, or as estimated.
    """
    values, valid = scene.read(0, 0, scene.height, scene.width)
    everywhere: Array = np.logical_and.reduce(valid)
    mask = None if everywhere.all() else everywhere
    chosen = choose_range(value_range or "auto", scene)
    if values.dtype == np.uint8 and chosen != (0, 255):
        low, high = chosen
        stretched = (values.astype(np.float32) - low) * (255 / (high - low))
        values, chosen = stretched.round().clip(0, 255).astype(np.uint8), (0, 255)
    return Image(np.ascontiguousarray(values), mask, chosen)


def read_images(
    files: Sequence[Path],
    bands: Sequence[int],
    value_range: ValueRange | None,
    skipped: Callable[[FileScene], bool],
) -> list[Image | None]:
    """Read files; None for those that are skipped.

    Args:
        files: GeoTIFFs.
        bands: Numbers of the bands to use, from 1.
        value_range: See `read_image`.
        skipped: Says of an open scene whether it is not to be read.

    Raises:
        UserError: If a file cannot be read, or has no such bands.
    """

    def read(file: Path) -> Image | None:
        with open_scene(file, bands) as scene:
            return None if skipped(scene) else read_image(scene, value_range)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(read, files))


def footprint(scene: FileScene) -> tuple[str, Bounds] | tuple[()]:
    """Return coordinate system and left, bottom, right and top of a scene; () if unknown."""
    where = scene.georeferencing
    if where.crs is None or where.transform.is_identity:
        return ()
    a, b, left, d, e, top = where.transform[:6]
    xs = [left + a * x + b * y for x in (0, scene.width) for y in (0, scene.height)]
    ys = [top + d * x + e * y for x in (0, scene.width) for y in (0, scene.height)]
    return where.crs.to_string(), (min(xs), min(ys), max(xs), max(ys))
