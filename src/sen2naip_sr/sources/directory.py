"""The `directory` source: every raster below a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sen2naip_sr.chips.store import fingerprint_of
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.finding import IN_FOLDERS, find_rasters
from sen2naip_sr.raster.access.vrt import ENDING, all_references
from sen2naip_sr.raster.products.finding import ByName, find_product
from sen2naip_sr.sources.base import PathFile, SourceFile
from sen2naip_sr.sources.parameters import IngestionParameters


def make(parameters: IngestionParameters) -> "DirectorySource":
    """Return the folder that the parameters name."""
    return DirectorySource(Path(parameters.path or ""), tuple(parameters.drivers))


@dataclass(frozen=True)
class DirectorySource:
    """All rasters in a folder and its subfolders: see `find_rasters`.

    Attributes:
        folder: The folder.
        drivers: GDAL's names of drivers to allow besides the usual ones.
    """

    folder: Path
    drivers: tuple[str, ...] = ()
    kind = "directory"
    synthetic = False

    def fingerprint(self) -> str:
        """Hash names, sizes and modification times; see `Source.fingerprint`."""
        stats = [(file.name, *_state(file.path)) for file in self._files]
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
        found = [
            PathFile(path, name, self.drivers) for path, name in find_rasters(self.folder, ByName())
        ]
        if not found:
            raise UserError(
                "source-empty",
                f"{self.folder}: neither the folder nor its subfolders hold a file that ends in "
                f"{', '.join(IN_FOLDERS)}",
                "give the folder that holds the GeoTIFFs",
            )
        return sorted(found, key=lambda file: file.name)


def _state(path: Path) -> tuple[int, ...]:
    """Return size and modification time; of a VRT or product, those of all its files."""
    if path.suffix.lower() != ENDING:
        return tuple(number for file in _files_of(path) for number in _size_and_time(file))
    try:
        others = [Path(name) for name in all_references(path)]
    except UserError:
        others = []
    return tuple(number for file in (path, *others) for number in _size_and_time(file))


def _files_of(path: Path) -> tuple[Path, ...]:
    try:
        product = find_product(path)
    except UserError:
        # reading it raises the error
        product = None
    return product.files if product else (path,)


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        # it was removed since it was listed; reading it raises an error
        return 0, 0
    return stat.st_size, stat.st_mtime_ns
