"""The `directory` source: every GeoTIFF below a folder."""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sen2naip_sr.chips.store import fingerprint_of
from sen2naip_sr.errors import UserError
from sen2naip_sr.sources.base import PathFile, SourceFile
from sen2naip_sr.sources.parameters import IngestionParameters

logger = logging.getLogger(__name__)

SUFFIXES = (".tif", ".tiff")


def make(parameters: IngestionParameters) -> "DirectorySource":
    """Return the folder that the parameters name."""
    return DirectorySource(Path(parameters.path or ""))


@dataclass(frozen=True)
class DirectorySource:
    """All files ending in .tif or .tiff in a folder and its subfolders, without hidden ones.

    Attributes:
        folder: The folder.
    """

    folder: Path
    kind = "directory"
    synthetic = False

    def fingerprint(self) -> str:
        """Hash names, sizes and modification times; see `Source.fingerprint`."""
        stats = [(file.name, *_size_and_time(file.path)) for file in self._files]
        return fingerprint_of(str(self.folder.resolve()), stats)

    def files(self) -> Sequence[SourceFile]:
        """List the files by name; see `Source.files`."""
        return self._files

    @cached_property
    def _files(self) -> list[PathFile]:
        if not self.folder.exists():
            raise UserError("source-missing", f"{self.folder}: no such folder", "check the path")
        if not self.folder.is_dir():
            raise UserError(
                "source-is-no-folder",
                f"{self.folder}: not a folder",
                "give the folder that holds the GeoTIFFs",
            )
        found = list(_find(self.folder))
        if not found:
            raise UserError(
                "source-empty",
                f"{self.folder}: neither the folder nor its subfolders hold a .tif or .tiff file",
                "give the folder that holds the GeoTIFFs",
            )
        return sorted(found, key=lambda file: file.name)


def _find(folder: Path) -> Iterator[PathFile]:
    # unlike Path.rglob, os.walk makes no Path per entry, which costs as much as reading a header
    for root, below, names in os.walk(folder, onerror=_skip):
        below[:] = [name for name in below if not name.startswith(".")]
        inside = Path(root).relative_to(folder).as_posix()
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield PathFile(Path(root, name), name if inside == "." else f"{inside}/{name}")


def _skip(error: OSError) -> None:
    logger.warning("%s is left out: it cannot be listed (%s)", error.filename, error.strerror)


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        # it was removed since it was listed; reading it raises an error
        return 0, 0
    return stat.st_size, stat.st_mtime_ns
