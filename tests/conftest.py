"""Fixtures that several test files share."""

import warnings

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

UTM = Affine(0.6, 0, 404_961.6, 0, -0.6, 3_766_234.8)


def random_pixels(bands, size, dtype="uint8", seed=0):
    """Return noise over the dtype's whole range (floats: 0 to 1), shape (bands, height, width)."""
    height, width = (size, size) if isinstance(size, int) else size
    random = np.random.default_rng(seed)
    if np.issubdtype(np.dtype(dtype), np.integer):
        limits = np.iinfo(dtype)
        shape = (bands, height, width)
        return random.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    return random.random((bands, height, width)).astype(dtype)


@pytest.fixture(scope="session")
def make_geotiff():
    """Write a small GeoTIFF of noise, or of the given pixels, and return its path."""

    def make(
        path,
        array=None,
        *,
        bands=4,
        size=64,
        dtype="uint8",
        crs="EPSG:26911",
        transform=UTM,
        nodata=None,
        seed=0,
        descriptions=None,
        **options,
    ):
        pixels = random_pixels(bands, size, dtype, seed) if array is None else np.asarray(array)
        path.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(
                path,
                "w",
                driver="GTiff",
                count=pixels.shape[0],
                height=pixels.shape[1],
                width=pixels.shape[2],
                dtype=pixels.dtype,
                crs=crs,
                transform=transform,
                nodata=nodata,
                **options,
            ) as target:
                target.write(pixels)
                for number, name in enumerate(descriptions or (), 1):
                    target.set_band_description(number, name)
        return path

    return make
