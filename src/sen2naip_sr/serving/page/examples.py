"""Examples to try the page with: synthetic landscapes, drawn when they are asked for."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from sen2naip_sr.arrays import Array
from sen2naip_sr.landscape.generator import STYLES, landscape, vary
from sen2naip_sr.raster.geotiff import Raster, write_geotiff

_SIDE = 256
_PIXEL_METRES = 1.0
_BANDS = ("red", "green", "blue", "near-infrared")
_CRS = 26911
_CORNER = (400_000.0, 3_700_000.0)


@dataclass(frozen=True)
class Example:
    """A synthetic landscape.

    Attributes:
        name: Its name on the page, and that of its file.
        style: The name of the kind of landscape.
        seed: Seeds the place and the picture.
        reflectance: Whether it is stored as reflectance times 10,000 in 16 bits, not in 8 bits.
    """

    name: str
    style: str
    seed: int
    reflectance: bool = False

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"example-{self.name.lower()}.tif"

    def write(self, folder: Path) -> Path:
        """Write it as a georeferenced GeoTIFF into a folder, and return its path."""
        path = folder / self.file
        west, north = _CORNER
        transform = Affine(_PIXEL_METRES, 0, west, 0, -_PIXEL_METRES, north)
        write_geotiff(path, Raster(self.pixels(), transform, CRS.from_epsg(_CRS), None, _BANDS))
        return path

    def pixels(self) -> Array:
        """Return its pixels, (4, h, w): red, green, blue and near-infrared."""
        pixels = _drawn(self.style, self.seed)
        if self.reflectance:
            # haze stays above 0, and the brightest of 8 bits becomes a reflectance of 0.5
            return np.rint(pixels * np.float64(5000 / 255)).astype(np.uint16)
        return pixels


EXAMPLES = (
    Example("Suburb", "suburb", 6),
    Example("Farmland", "farmland", 8, reflectance=True),
    Example("Coast", "coast", 2),
)
"""The examples of the page."""


@cache
def _drawn(style: str, seed: int) -> Array:
    kind = next(kind for kind in STYLES if kind.name == style)
    return landscape((seed, 1), vary(kind, seed), _SIDE)
