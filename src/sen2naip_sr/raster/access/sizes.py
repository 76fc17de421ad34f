"""How many bytes the pixels of a raster take, told without decoding any."""

from pathlib import Path

import numpy as np
from rasterio.dtypes import complex_int16
from rasterio.enums import Interleaving
from rasterio.io import DatasetReader


def bytes_of(dtype: str) -> int:
    """Return the bytes of one value of a type, as rasterio names it."""
    # numpy has no integers that are complex
    return 4 if dtype == complex_int16 else np.dtype(dtype).itemsize


def largest_block(dataset: DatasetReader) -> tuple[int, int, int]:
    """Return rows, columns and bytes of what must be decoded at once, of a dataset with bands."""
    rows, columns = dataset.block_shapes[0]
    if dataset.driver == "PNG" and _is_interlaced(Path(dataset.name)):
        # GDAL decodes such an image as a whole
        rows, columns = dataset.shape
    # of a damaged JPEG 2000 file, GDAL looks for this without end
    apart = dataset.driver == "GTiff" and dataset.interleaving == Interleaving.band
    together = 1 if apart else dataset.count
    return rows, columns, rows * columns * together * bytes_of(dataset.dtypes[0])


def _is_interlaced(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            header = stream.read(29)
    except OSError:
        # in memory, in an archive or at a server
        return False
    # the last byte of the first chunk: https://www.w3.org/TR/png-3/#11IHDR
    return header[12:16] == b"IHDR" and header[28:] != b"\0"
