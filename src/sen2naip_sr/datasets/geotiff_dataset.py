"""The catalog's dataset for GeoTIFFs."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from sen2naip_sr.raster.geotiff import Raster, read_geotiff, write_geotiff


class GeoTIFFDataset(AbstractDataset[Raster, Raster]):
    """Reads and writes a `Raster`: pixels with CRS, transform, nodata and band names.

    Example:
        .. code-block:: yaml

            scene:
              type: sen2naip_sr.datasets.GeoTIFFDataset
              filepath: data/01_raw/scene.tif
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Point to a file.

        Args:
            filepath: The GeoTIFF.
            metadata: Anything, for plugins.
        """
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> Raster:
        """Read the whole file."""
        return read_geotiff(self._path)

    def save(self, data: Raster) -> None:
        """Write the file atomically."""
        write_geotiff(self._path, data)

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
