"""What a product consists of: the files of a folder, or the members of a zip or tar archive.

Nothing is extracted: GDAL reads members where they are.
"""

import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PurePosixPath

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.products.product import product_fault

LARGEST_METADATA = 32 * 2**20
"""Bytes of a file of metadata."""

MOST_MEMBERS = 100_000
DEEPEST = 8
ARCHIVES = {".zip": "/vsizip/", ".tar": "/vsitar/"}

FAULTS: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a damaged archive can raise; RuntimeError for one with a password."""


@dataclass(frozen=True)
class Contents:
    """The files of a folder or an archive.

    Attributes:
        place: The folder or the archive.
        names: Of its files, with forward slashes.
    """

    place: Path
    names: tuple[str, ...]

    @property
    def archived(self) -> bool:
        """Whether they are members of an archive."""
        return self.place.suffix.lower() in ARCHIVES and not self.place.is_dir()

    def matching(self, pattern: str) -> list[str]:
        """Return the names that end in a pattern of `fnmatch`, sorted."""
        return sorted(name for name in self.names if fnmatchcase(PurePosixPath(name).name, pattern))

    def read(self, name: str) -> bytes:
        """Return the content of a file of metadata.

        Raises:
            UserError: If it is too large or cannot be read.
        """
        try:
            content = self._content(name)
        except FAULTS as error:
            raise product_fault(f"{self.place}", f"{name} cannot be read ({error})") from error
        if len(content) > LARGEST_METADATA:
            raise product_fault(
                f"{self.place}", f"{name} is larger than {LARGEST_METADATA // 2**20} MB"
            )
        return content

    def _content(self, name: str) -> bytes:
        if not self.archived:
            with (self.place / name).open("rb") as stream:
                return stream.read(LARGEST_METADATA + 1)
        if self.place.suffix.lower() == ".zip":
            with zipfile.ZipFile(self.place) as archive, archive.open(name) as member:
                return member.read(LARGEST_METADATA + 1)
        with tarfile.open(self.place, "r:") as bundle:
            found = bundle.extractfile(name)
            if found is None:
                raise ValueError("it is no file")
            return found.read(LARGEST_METADATA + 1)

    def gdal_name(self, name: str) -> str:
        """Return what GDAL calls a file of it."""
        if not self.archived:
            return str(self.place / name)
        return f"{ARCHIVES[self.place.suffix.lower()]}{self.place.absolute()}/{name}"

    def beside(self, source: str) -> Path:
        """Return what results go beside: a file that was given, else the folder or archive."""
        given = Path(source)
        return given if given.is_file() else self.place

    def local_files(self, names: Iterator[str] | list[str]) -> tuple[Path, ...]:
        """Return the files on the disk that hold the named ones."""
        if self.archived:
            return (self.place,)
        return tuple(self.place / name for name in names)


def read_metadata(path: Path) -> bytes:
    """Return the content of a file of metadata; errors as those of `Contents.read`."""
    return Contents(path.parent, ()).read(path.name)


def contents_of(place: Path) -> Contents:
    """List a folder or an archive.

    Raises:
        UserError: If an archive is damaged, or has names that lead out of it.
    """
    if place.is_dir():
        return Contents(place, tuple(_below(place)))
    state = place.stat()
    return _archive(place, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _archive(place: Path, size: int, changed: int) -> Contents:
    try:
        if place.suffix.lower() == ".zip":
            with zipfile.ZipFile(place) as archive:
                names = [info.filename for info in archive.infolist() if not info.is_dir()]
        else:
            # uncompressed only: a compressed one would be unpacked at every look into it
            with tarfile.open(place, "r:") as bundle:
                names = [member.name for member in bundle if member.isfile()]
    except FAULTS as error:
        raise product_fault(f"{place}", f"the archive is damaged ({error})") from error
    if len(names) > MOST_MEMBERS:
        raise product_fault(f"{place}", f"it has more than {MOST_MEMBERS:,} members")
    for name in names:
        if name.startswith(("/", "\\")) or ".." in PurePosixPath(name.replace("\\", "/")).parts:
            raise UserError(
                "archive-refused",
                f"{place}: its member '{name}' would lie outside of it",
                "do not use it: no product has such names; download it from where it was published",
            )
    return Contents(place, tuple(names))


def _below(folder: Path) -> Iterator[str]:
    """Yield the names of all files below a folder, not those behind links to folders."""
    count = 0
    for root, below, names in os.walk(folder):
        inside = Path(root).relative_to(folder)
        below[:] = sorted(below) if len(inside.parts) < DEEPEST else []
        for name in sorted(names):
            count += 1
            if count > MOST_MEMBERS:
                return
            yield (inside / name).as_posix()
