"""GeoTIFFs inside a zip, read in memory without unpacking it."""

import hashlib
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from rasterio.io import DatasetReader

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.opening import open_memory

LOCAL_FILE_HEADER = b"PK\x03\x04"

LARGEST_MEMBER = 512 * 2**20

# what zipfile raises for damaged, encrypted, missing or unsupported members: flipped bits can reach
# any of its parsers
_OF_PARSERS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error)
UNREADABLE = (*_OF_PARSERS, OSError, EOFError, LookupError, RuntimeError, ValueError)


class Archive:
    """A zip whose list of members is read once; `read` may be called from several threads.

    Args:
        path: The zip.

    Attributes:
        names: The members' names, in the zip's order.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._zip = zipfile.ZipFile(path)
        self._lock = Lock()
        self.names = self._zip.namelist()

    def read(self, name: str) -> bytes:
        """Return a member's bytes, checked against its CRC-32.

        Raises:
            OSError: If the member is damaged or cannot be read.
        """
        try:
            # ZipFile counts its open members without a lock; decompressing needs none
            with self._lock:
                if self._zip.getinfo(name).file_size > LARGEST_MEMBER:
                    raise OSError(f"it is larger than {LARGEST_MEMBER // 2**20} MB")
                stream = self._zip.open(name)
            try:
                return stream.read()
            finally:
                with self._lock:
                    stream.close()
        except UNREADABLE as error:
            raise OSError(f"damaged inside {self._path.name}: {error}") from error


@dataclass(frozen=True)
class ZipMember:
    """A GeoTIFF inside a zip; a `SourceFile` that threads and processes can share."""

    path: Path
    name: str

    @contextmanager
    def open(self) -> Iterator[DatasetReader]:
        """Open the raster in memory; see `SourceFile.open`."""
        content = self._read()
        # an empty MemoryFile would be opened for writing
        if not content:
            raise OSError(f"empty inside {self.path.name}")
        memory, raster = open_memory(content)
        with memory, raster:
            yield raster

    def sha256(self) -> str:
        """Return the SHA-256 of the uncompressed member; see `SourceFile.sha256`."""
        return hashlib.sha256(self._read()).hexdigest()

    def _read(self) -> bytes:
        return _recently_read(open_archive(self.path), self.name)


def open_archive(path: Path) -> Archive:
    """Return the zip at ``path``, opened once per process while the file stays the same.

    Raises:
        UserError: If it is missing, a folder, incomplete or no zip.
    """
    try:
        stat = path.stat()
        if path.is_dir():
            raise UserError(
                "source-is-folder",
                f"{path}: a folder, not a zip",
                "give the zip itself, or read the folder as a folder of GeoTIFFs",
            )
        # a forked process would share the file position of its parent's handle
        return _opened(path, stat.st_size, stat.st_mtime_ns, os.getpid())
    except FileNotFoundError as error:
        raise UserError("source-missing", f"{path}: no such file", "check the path") from error
    except OSError as error:
        raise UserError(
            "source-unreadable",
            f"{path}: cannot be read ({error.strerror})",
            "check the file's permissions and disk",
        ) from error
    except UNREADABLE as error:
        raise _no_zip(path) from error


# a member is hashed and then opened: two per thread avoid decompressing it twice
@lru_cache(maxsize=8)
def _recently_read(archive: Archive, name: str) -> bytes:
    return archive.read(name)


@lru_cache(maxsize=2)
def _opened(path: Path, size: int, mtime_ns: int, process: int) -> Archive:
    return Archive(path)


def _no_zip(path: Path) -> UserError:
    with path.open("rb") as stream:
        begins_like_one = stream.read(4) == LOCAL_FILE_HEADER
    return UserError(
        "zip-damaged",
        f"{path}: an incomplete zip, its list of members at the end is missing or damaged"
        if begins_like_one
        else f"{path}: not a zip",
        "delete it and copy or download it again",
    )
