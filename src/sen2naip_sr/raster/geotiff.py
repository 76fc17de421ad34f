"""Whole GeoTIFFs in memory and on disk, with their georeferencing."""

from dataclasses import dataclass, replace
from pathlib import Path

from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp

from sen2naip_sr.arrays import Array
from sen2naip_sr.files import replacing
from sen2naip_sr.raster.access.opening import open_own, open_raster


@dataclass(frozen=True)
class Raster:
    """An image and its georeferencing.

    Attributes:
        pixels: (C, H, W).
        transform: From (column, row) to the coordinates of ``crs``.
        crs: The coordinate system; None if unknown.
        nodata: The nodata value; None if there is none.
        bands: A description per band.
    """

    pixels: Array
    transform: Affine
    crs: CRS | None = None
    nodata: float | None = None
    bands: tuple[str | None, ...] = ()

    def rescaled(self, pixels: Array) -> "Raster":
        """Return other pixels with the same footprint; their number determines the pixel size."""
        height, width = self.pixels.shape[1:]
        factor = Affine.scale(width / pixels.shape[2], height / pixels.shape[1])
        return replace(self, pixels=pixels, transform=self.transform @ factor)


def read_geotiff(path: Path) -> Raster:
    """Read a whole GeoTIFF.

    Raises:
        UserError: If it is not a readable raster.
    """
    with open_raster(path) as source:
        return Raster(
            source.read(), source.transform, source.crs, source.nodata, source.descriptions
        )


def write_geotiff(path: Path, raster: Raster) -> None:
    """Write a tiled, compressed GeoTIFF as a whole or not at all; its folder is made.

    Unlike by GDAL's default, no band is marked as alpha.
    """
    bands, height, width = raster.pixels.shape
    with replacing(path) as hidden:
        target = open_own(
            hidden,
            "w",
            driver="GTiff",
            count=bands,
            height=height,
            width=width,
            dtype=raster.pixels.dtype,
            crs=raster.crs,
            transform=raster.transform,
            nodata=raster.nodata,
            compress="deflate",
            tiled=True,
            BIGTIFF="IF_SAFER",
            photometric="RGB" if bands in (3, 4) else "MINISBLACK",
            alpha="unspecified",
        )
        with target:
            target.write(raster.pixels)
            if bands > 3:
                kinds = list(target.colorinterp)
                target.colorinterp = kinds[:3] + [ColorInterp.undefined] * (bands - 3)
            for number, name in enumerate(raster.bands, 1):
                if name:
                    target.set_band_description(number, name)
