"""GeoTIFFs in memory and on disk, with all that places them on the ground."""

from dataclasses import dataclass, replace
from pathlib import Path

from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp

from sen2naip_sr.arrays import Array
from sen2naip_sr.files import replacing
from sen2naip_sr.raster.georeferencing import quietly_opened


@dataclass(frozen=True)
class Raster:
    """An image and its georeferencing.

    Attributes:
        pixels: (C, H, W).
        transform: From (column, row) to the coordinates of ``crs``.
        crs: The coordinate system, None if unknown.
        nodata: The value that stands for no data, None if there is none.
        bands: A description for each band.
    """

    pixels: Array
    transform: Affine
    crs: CRS | None = None
    nodata: float | None = None
    bands: tuple[str | None, ...] = ()

    def rescaled(self, pixels: Array) -> "Raster":
        """Return other pixels on the same ground: the pixel size follows from their number."""
        height, width = self.pixels.shape[1:]
        factor = Affine.scale(width / pixels.shape[2], height / pixels.shape[1])
        return replace(self, pixels=pixels, transform=self.transform @ factor)


def read_geotiff(path: Path) -> Raster:
    """Read a whole GeoTIFF.

    Raises:
        rasterio.errors.RasterioIOError: If it is no readable raster.
    """
    with quietly_opened(path) as source:
        return Raster(
            source.read(), source.transform, source.crs, source.nodata, source.descriptions
        )


def write_geotiff(path: Path, raster: Raster) -> None:
    """Write a tiled, deflated GeoTIFF in one piece or not at all.

    Args:
        path: Where to; its folder is made.
        raster: What. Bands beyond the third are not marked as alpha, as GDAL would do.
    """
    bands, height, width = raster.pixels.shape
    with replacing(path) as hidden:
        target = quietly_opened(
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
