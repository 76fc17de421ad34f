"""The `directory` source: every GeoTIFF below a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.store import fingerprint_of
from sen2naip_sr.sources.base import PathFile, SourceFile

SUFFIXES = (".tif", ".tiff")


@dataclass(frozen=True)
class DirectorySource:
    """All files ending in .tif or .tiff below a folder, hidden ones left out.

    Attributes:
        folder: Where to look, however deep.
    """

    folder: Path
    kind = "directory"
    synthetic = False

    def fingerprint(self) -> str:
        """Hash names, sizes and times of change; see `Source.fingerprint`."""
        stats = [(file.name, *_size_and_time(file.path)) for file in self._files]
        return fingerprint_of(str(self.folder.resolve()), stats)

    def files(self) -> Sequence[SourceFile]:
        """List the files by name; see `Source.files`."""
        return self._files

    @cached_property
    def _files(self) -> list[PathFile]:
        try:
            found = self._list()
        except OSError as error:
            raise UserError(
                f"{self.folder}: cannot be listed ({error.strerror}: {error.filename})",
                "check the folder's permissions",
            ) from error
        if not found:
            raise UserError(
                f"{self.folder}: no file ending in .tif or .tiff is there or below",
                "give the folder that holds the GeoTIFFs as ingestion.path",
            )
        return sorted(found, key=lambda file: file.name)

    def _list(self) -> list[PathFile]:
        if not self.folder.exists():
            raise UserError(f"{self.folder}: no such folder", "check ingestion.path")
        if not self.folder.is_dir():
            raise UserError(
                f"{self.folder}: not a folder",
                "give the folder that holds the GeoTIFFs as ingestion.path",
            )
        return [
            PathFile(path, path.relative_to(self.folder).as_posix())
            for path in self.folder.rglob("*")
            if path.suffix.lower() in SUFFIXES
            and not any(part.startswith(".") for part in path.relative_to(self.folder).parts)
            and path.is_file()
        ]


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        # it vanished since it was listed; reading it will say so
        return 0, 0
    return stat.st_size, stat.st_mtime_ns
