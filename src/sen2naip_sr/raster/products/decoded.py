"""Blocks of compressed images that are decoded once, whatever windows are read in what order.

Decoding JPEG 2000 takes a hundred times as long as reading plain pixels. Samples of the scene and
the halos of tiles read many blocks again, and a cache in memory that held all that is needed would
grow with the scene. So decoded blocks go to a temporary file without a name, which ends with the
process however that ends.
"""

import os
import tempfile
from collections.abc import Sequence
from itertools import product as pairs
from threading import Lock

import numpy as np
from rasterio.windows import Window

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.faults import RASTER_FAULTS, reason_of
from sen2naip_sr.raster.products.dataset import Layout, Placed, nodata_of
from sen2naip_sr.raster.validity import is_nodata, representable

DRIVERS = ("JP2OpenJPEG",)
"""Drivers whose blocks are kept. Those of GeoTIFFs are decoded faster than they are kept."""

LARGEST = 4 * 2**20
"""Pixels of a block, at the most: larger ones are decoded in parts."""

STEP = 1024

FOLDER = "/var/tmp"
"""Lies on a disk where the usual folder of temporary files may lie in memory."""


class DecodedFile:
    """A band of a file whose blocks are decoded once.

    Args:
        placed: The open file.
    """

    def __init__(self, placed: Placed) -> None:
        self.source, self.number = placed.source, placed.band.number
        self.height, self.width = self.source.shape
        rows, columns = self.source.block_shapes[self.number - 1]
        if rows * columns > LARGEST:
            rows, columns = min(rows, STEP), min(columns, STEP)
        self.rows, self.columns = rows, columns
        self.dtype = np.dtype(self.source.dtypes[self.number - 1])
        self._across = -(-self.width // columns)
        self._known = np.zeros(-(-self.height // rows) * self._across, bool)
        self._lock = Lock()
        chosen = None if "TMPDIR" in os.environ or not os.access(FOLDER, os.W_OK) else FOLDER
        self._file = tempfile.TemporaryFile(dir=chosen)

    def read(self, top: int, left: int, height: int, width: int) -> Array:
        """Return a window inside the file, (height, width), from any thread."""
        values = np.empty((height, width), self.dtype)
        down = range(top // self.rows, (top + height - 1) // self.rows + 1)
        across = range(left // self.columns, (left + width - 1) // self.columns + 1)
        for row, column in pairs(down, across):
            first, start = row * self.rows, column * self.columns
            block = self._block(row, column, max(top, first), min(top + height, first + self.rows))
            begin, end = max(left, start), min(left + width, start + self.columns)
            bottom = min(top + height, first + self.rows)
            values[max(top, first) - top : bottom - top, begin - left : end - left] = block[
                :, begin - start : end - start
            ]
        return values

    def _block(self, row: int, column: int, top: int, bottom: int) -> Array:
        """Return rows of a block, in all its columns."""
        number = row * self._across + column
        if not self._known[number]:
            with self._lock:
                if not self._known[number]:
                    self._keep(number, self.decode(row, column))
                    self._known[number] = True
        width = min(self.columns, self.width - column * self.columns)
        size = self.dtype.itemsize
        begin = number * self.rows * self.columns + (top - row * self.rows) * width
        content = os.pread(self._file.fileno(), (bottom - top) * width * size, begin * size)
        return np.frombuffer(content, self.dtype).reshape(bottom - top, width)

    def decode(self, row: int, column: int) -> Array:
        """Decode a block."""
        top, left = row * self.rows, column * self.columns
        height, width = min(self.rows, self.height - top), min(self.columns, self.width - left)
        try:
            return np.asarray(
                self.source.read(self.number, window=Window(left, top, width, height))
            )
        except RASTER_FAULTS as error:
            raise UserError(
                "file-damaged",
                f"{self.source.name}: cannot be read ({reason_of(error)})",
                "it is cut short or damaged: copy or download it again",
            ) from error

    def _keep(self, number: int, values: Array) -> None:
        left = memoryview(values.tobytes())
        at = number * self.rows * self.columns * self.dtype.itemsize
        try:
            while left:
                written = os.pwrite(self._file.fileno(), left, at)
                left, at = left[written:], at + written
        except OSError as error:
            raise UserError(
                "disk-error",
                f"decoded pixels cannot be kept: {error.strerror}",
                "free some space on the disk of temporary files, or choose another one",
            ) from error

    def close(self) -> None:
        """Close the file and forget its blocks."""
        with self._lock:
            self.source.close()
            self._file.close()


class DecodedProduct:
    """The pixels of a product whose blocks are decoded once.

    Args:
        layout: The open files of the product.
    """

    def __init__(self, layout: Layout) -> None:
        self._bands = [[(placed, DecodedFile(placed)) for placed in band] for band in layout.files]

    @property
    def files(self) -> list[DecodedFile]:
        """The files of all bands."""
        return [file for band in self._bands for _, file in band]

    def read(self, numbers: Sequence[int], window: tuple[int, int, int, int]) -> Array:
        """Return a window of bands (numbers from 1): (C, h, w)."""
        return np.stack([self._read_band(number - 1, *window) for number in numbers])

    def _read_band(self, number: int, top: int, left: int, height: int, width: int) -> Array:
        files = self._bands[number]
        if len(files) == 1:
            return files[0][1].read(top, left, height, width)
        nodata = nodata_of(files[0][0].band, files[0][0].source)
        dtype = files[0][1].dtype
        usable = representable(nodata, dtype)
        values = np.full((height, width), nodata if usable else 0, dtype)
        for placed, file in files:
            rows = _common(top, height, placed.row, file.height)
            columns = _common(left, width, placed.column, file.width)
            if not rows or not columns:
                continue
            part = file.read(
                rows.start - placed.row, columns.start - placed.column, len(rows), len(columns)
            )
            here = values[
                rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
            ]
            shown = ~is_nodata(part, nodata) if usable and nodata is not None else True
            np.copyto(here, part, where=shown)
        return values

    def close(self) -> None:
        """Close all files."""
        for file in self.files:
            file.close()


def _common(first: int, size: int, other: int, other_size: int) -> range:
    return range(max(first, other), min(first + size, other + other_size))


def worth_keeping(layout: Layout) -> bool:
    """Return whether decoding a block of the files takes longer than to keep it."""
    return any(placed.source.driver in DRIVERS for placed in layout)
