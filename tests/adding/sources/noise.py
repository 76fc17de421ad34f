"""A source: GeoTIFFs of noise, three places of two files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio

from sen2naip_sr.sources.base import PathFile

SIDE = 32


def make(parameters):
    """Return the noise, in the raw folder."""
    return NoiseSource(Path(parameters.raw_folder) / "noise")


@dataclass(frozen=True)
class NoiseSource:
    """Files of noise.

    Attributes:
        folder: Where they are written.
    """

    folder: Path
    kind = "noise"
    synthetic = True

    def fingerprint(self):
        """Return the version of the noise."""
        return "noise 1"

    def files(self):
        """Write the files."""
        names = [f"place{place}/{number}.tif" for place in range(3) for number in range(2)]
        return [self._file(name, seed) for seed, name in enumerate(names)]

    def _file(self, name, seed):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (4, SIDE, SIDE), dtype=np.uint8)
        profile = {"driver": "GTiff", "count": 4, "width": SIDE, "height": SIDE, "dtype": "uint8"}
        with rasterio.open(path, "w", **profile) as raster:
            raster.write(pixels)
        return PathFile(path, name)
