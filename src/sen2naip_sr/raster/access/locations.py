"""Where a raster lies: a file, a member of an archive, a part of a file, or a remote resource."""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from sen2naip_sr.errors import UserError

SCHEMES = {
    "file": "",
    "zip": "vsizip",
    "tar": "vsitar",
    "gzip": "vsigzip",
    "http": "vsicurl",
    "https": "vsicurl",
    "ftp": "vsicurl",
    "s3": "vsis3",
    "gs": "vsigs",
    "az": "vsiaz",
    "oss": "vsioss",
}
"""Schemes of addresses, as rasterio has them, and what GDAL calls them."""

ARCHIVES = ("vsizip", "vsitar", "vsigzip", "vsi7z", "vsirar")
SERVERS = tuple(
    f"vsi{name}{ending}"
    for name in ("curl", "s3", "gs", "az", "adls", "oss", "swift")
    for ending in ("", "_streaming")
)

PARTS = {"GTIFF_DIR": "GTiff", "GPKG": "GPKG", "NETCDF": "netCDF", "HDF5": "HDF5Image"}
"""Prefixes of the names of parts of files (pages, tables, variables), and their drivers."""

STREAMS = ("-", "/dev/stdin", "/vsistdin", "/vsistdin/")


@dataclass(frozen=True)
class Location:
    """Where a raster lies.

    Attributes:
        given: As the user gave it, for messages.
        name: As GDAL takes it.
        file: The local file that holds it: the raster itself or an archive. None if it is remote.
        part: Driver of the file that it is a part of; None if it is a whole file.
    """

    given: str
    name: str
    file: Path | None
    part: str | None = None

    @property
    def plain(self) -> bool:
        """Whether it is a local file, whole and by itself."""
        return self.file is not None and self.name == str(self.file)

    @property
    def suffix(self) -> str:
        """The ending of the raster's name, in small letters."""
        return Path(self.name.partition("?")[0]).suffix.lower()

    @property
    def stem(self) -> str:
        """A name for what is made from it."""
        if self.part:
            words = re.findall(r"[\w.-]+", self.name.partition(":")[2])
            path = next((word for word in reversed(words) if "." in word), words[-1])
            rest = "_".join(word for word in words if word not in path and len(word) < 64)
            return "_".join(filter(None, (Path(path).stem, rest)))
        return Path(self.name.partition("?")[0]).stem


def locate(source: str | os.PathLike[str]) -> Location:
    """Return where a raster lies. Asks no server.

    Args:
        source: A path; ``/vsizip/``, ``/vsicurl/`` or ``/vsis3/`` and the like; an address such as
            ``https://``, ``s3://`` or ``zip://a.zip!b.tif``; or a part of a file as GDAL names it,
            such as ``GTIFF_DIR:2:a.tif``.

    Raises:
        UserError: If it is none of these, or a local file is missing or no regular file.
    """
    text = os.fspath(source)
    if text in STREAMS:
        raise UserError(
            "source-is-stream",
            f"{text}: standard input cannot be read as a raster, since pixels are needed in any "
            "order",
            "write it to a file, and give that",
        )
    if not text or "\0" in text or "\n" in text:
        raise UserError("no-scene", f"{text!r}: is no name of a file", "give the path of a raster")
    if os.path.lexists(text):
        return Location(text, text, require_file(Path(text)))
    if found := re.match(r"([a-z0-9]+(?:\+[a-z0-9]+)*)://", text):
        return _virtual(text, _translated(text, found[1]))
    if text.startswith("/vsi"):
        return _virtual(text, text)
    prefix = text.partition(":")[0]
    if prefix in PARTS and ":" in text:
        return _part(text, PARTS[prefix])
    return Location(text, text, require_file(Path(text)))


def is_elsewhere(text: str) -> bool:
    """Return whether a text names a raster that is no local file by itself."""
    if os.path.lexists(text):
        return False
    return text.startswith("/vsi") or "://" in text or text.partition(":")[0] in PARTS


def require_file(path: Path) -> Path:
    """Return the path of a regular file that is not empty and may be read.

    Raises:
        UserError: If it is missing, empty, a folder, a pipe or a device, or may not be read.
    """
    try:
        state = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            "file-missing", f"{path}: there is no such file", "check the path"
        ) from error
    except OSError as error:
        raise UserError(
            "file-forbidden", f"{path}: cannot be read ({error.strerror})", "check the path"
        ) from error
    if stat.S_ISDIR(state.st_mode):
        raise UserError("raster-is-folder", f"{path}: is a folder", "give one raster of it")
    if not stat.S_ISREG(state.st_mode):
        raise UserError(
            "not-a-file",
            f"{path}: is a pipe or a device, and pixels are needed in any order",
            "write its content to a file, and give that",
        )
    if state.st_size == 0:
        raise UserError("file-empty", f"{path}: is empty (0 bytes)", "copy or download it again")
    if not os.access(path, os.R_OK):
        raise UserError(
            "file-forbidden", f"{path}: may not be read", "give yourself the right to read it"
        )
    return path


def _translated(text: str, scheme: str) -> str:
    """Return an address as GDAL names it."""
    kinds = scheme.split("+")
    if unknown := [kind for kind in kinds if kind not in SCHEMES]:
        raise _refused(text, f"'{unknown[0]}' is not one of {', '.join(SCHEMES)}")
    rest = text[len(scheme) + 3 :]
    last = kinds[-1]
    if SCHEMES[last] == "vsicurl":
        rest = f"{last}://{rest}"
    archive, mark, member = rest.partition("!")
    rest = f"{archive}/{member.lstrip('/')}" if mark else rest
    handlers = [SCHEMES[kind] for kind in kinds if SCHEMES[kind]]
    return f"/{'/'.join(handlers)}/{rest}" if handlers else rest


def _virtual(given: str, name: str) -> Location:
    """Return a location in an archive or on a server, as GDAL names it."""
    rest = name
    while found := re.match(r"/(vsi\w+)(?:/|\?)", rest):
        handler = found[1]
        if handler in SERVERS:
            return Location(given, name, None)
        if handler not in ARCHIVES:
            allowed = ", ".join((*ARCHIVES, *SERVERS))
            raise _refused(given, f"'{handler}' is not one of {allowed}")
        rest = rest[found.end() :]
        if rest.startswith("vsi"):  # /vsizip/vsicurl/... with one slash, as rasterio writes it
            rest = f"/{rest}"
    return Location(given, name, require_file(_existing(rest)))


def _existing(text: str) -> Path:
    """Return the file that a path begins with: the archive of a member."""
    if text.startswith("{"):
        return Path(text[1:].partition("}")[0])
    path = Path(text)
    return next((p for p in (path, *path.parents) if p.is_file()), path)


def _part(text: str, driver: str) -> Location:
    """Return the location of a part of a file, ``PREFIX:"path":part`` or ``PREFIX:part:path``."""
    pieces = text.split(":")[1:]
    joined = [
        ":".join(pieces[begin:end])
        for begin in range(len(pieces))
        for end in range(len(pieces), begin, -1)
    ]
    for piece in joined:
        path = Path(piece.strip('"'))
        if piece and path.is_file():
            return Location(text, text, require_file(path), driver)
    raise UserError("file-missing", f"{text}: names no local file", "check the path in it")


def _refused(text: str, reason: str) -> UserError:
    return UserError(
        "location-refused",
        f"{text}: cannot be opened: {reason}",
        "give a file, a member of an archive, or the address of a raster",
    )
