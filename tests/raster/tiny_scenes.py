"""Small scenes of every kind, and the simplest way to upscale one."""

import warnings

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning

from sen2naip_sr.raster.cog import writing_cog
from sen2naip_sr.raster.scene import open_scene

RGBA = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
UNDEFINED = ColorInterp.undefined
HEIGHT, WIDTH = 30, 40
PLACE = {"crs": "EPSG:32611", "transform": Affine(0.6, 0, 404_961.6, 0, -0.6, 3_766_234.8)}


def make_scene(path, values, *, kinds=None, mask=None, internal=True, describe=None, **profile):
    """Write (C, H, W) values as a GeoTIFF that marks no band as alpha unless it is told to."""
    count, height, width = values.shape
    options = {"driver": "GTiff", "photometric": "MINISBLACK", "alpha": "unspecified", **profile}
    with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", count=count, height=height, width=width, dtype=values.dtype, **options
        ) as target:
            if kinds:
                target.colorinterp = kinds
            if describe:
                describe(target)
            target.write(values)
            if mask is not None:
                target.write_mask(mask)
    return path


def read(path, **options):
    """Return what rasterio reads: values and masks."""
    with rasterio.open(path, **options) as source:
        return source.read(), source.read_masks()


def twice(array):
    """Repeat the last two axes."""
    return array.repeat(2, -2).repeat(2, -1)


def upscale(source, target, *, bands=None, tags=None, side=100, change=None, **options):
    """Repeat every pixel of a scene, window by window from the last to the first."""
    with (
        open_scene(source, bands) as scene,
        writing_cog(target, scene, tags or {}, **options) as writer,
    ):
        for top in reversed(range(0, scene.height, side)):
            for left in reversed(range(0, scene.width, side)):
                size = min(side, scene.height - top), min(side, scene.width - left)
                values, valid = (twice(array) for array in scene.read(top, left, *size))
                if change:
                    values = change(values, valid)
                writer.write(2 * top, 2 * left, values, valid)
    return target


def noise(bands, height, width, dtype="uint8", seed=0):
    """Return noise between 1 and 100: (bands, height, width)."""
    random = np.random.default_rng(seed)
    return random.integers(1, 100, (bands, height, width), endpoint=True).astype(dtype)
