"""The catalog's dataset for GeoTIFFs."""

from sen2naip_sr.datasets.file_dataset import FileDataset
from sen2naip_sr.raster.geotiff import Raster, read_geotiff, write_geotiff


class GeoTIFFDataset(FileDataset[Raster, Raster]):
    """Reads and writes a `Raster`: pixels with CRS, transform, nodata and band names.

    Example:
        .. code-block:: yaml

            scene:
              type: sen2naip_sr.datasets.GeoTIFFDataset
              filepath: data/01_raw/scene.tif
    """

    def load(self) -> Raster:
        """Read the whole file."""
        return read_geotiff(self._filepath)

    def save(self, data: Raster) -> None:
        """Write the file atomically."""
        write_geotiff(self._filepath, data)
