"""The interface of a source of GeoTIFFs: files to open, and a fingerprint of all."""

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rasterio.io import DatasetReader

from sen2naip_sr.raster.products.finding import find_product
from sen2naip_sr.raster.products.opening import open_source


class SourceFile(Protocol):
    """One GeoTIFF of a source."""

    @property
    def name(self) -> str:
        """The file's path below the source, with forward slashes."""

    def open(self) -> AbstractContextManager[DatasetReader]:
        """Open the file for reading.

        Raises:
            UserError: If it is no readable raster, or may not be opened.
            OSError: If it cannot be read at all.
        """

    def sha256(self) -> str:
        """Return the hexadecimal SHA-256 of the file's bytes."""


class Source(Protocol):
    """A named set of GeoTIFFs. Constructing one reads no pixel; listing the files may download."""

    @property
    def kind(self) -> str:
        """The name of the source in the parameters: ``sample``, ``directory``, ``sen2naip``."""

    @property
    def synthetic(self) -> bool:
        """Whether the imagery was generated rather than observed."""

    def fingerprint(self) -> str:
        """Return a short text that changes with the files. It reads no file's content."""

    def files(self) -> Sequence[SourceFile]:
        """Return the files in a stable order; missing ones are generated or downloaded first.

        Raises:
            sen2naip_sr.errors.UserError: If there is nothing to read.
        """


@dataclass(frozen=True)
class PathFile:
    """A GeoTIFF or a product on disk, and its path below the source."""

    path: Path
    name: str
    drivers: tuple[str, ...] = ()

    def open(self) -> DatasetReader:
        """Open the file; see `SourceFile.open`."""
        return open_source(self.path, self.drivers, keep_decoded=False).dataset

    def sha256(self) -> str:
        """Return the SHA-256 of the file; see `SourceFile.sha256`."""
        product = find_product(self.path)
        if product is None:
            return _digest(self.path)
        digests = "".join(_digest(file) for file in product.files)
        return hashlib.sha256(digests.encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
