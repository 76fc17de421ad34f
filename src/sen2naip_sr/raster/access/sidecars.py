"""Files beside a raster that GDAL opens with it: nothing in them may widen what is opened."""

import os
import stat
from functools import lru_cache
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.drivers import TIFF

OPENED = (".ovr", ".OVR", ".msk", ".MSK")
"""Endings of overviews and masks, which GDAL opens with any driver."""

METADATA = (".aux.xml", ".AUX.XML")
LARGEST_METADATA = 32 * 2**20
NESTED = 2
"""Overviews and masks may have overviews and masks of their own."""


def check_sidecars(path: Path) -> list[Path]:
    """Check the files beside a raster that GDAL may open with it.

    Returns:
        Overviews and masks, which are TIFFs.

    Raises:
        UserError: If overviews or a mask are no TIFF, if metadata are too large, or if a pipe or a
            device with the raster's name lies beside it, for which GDAL would wait.
    """
    for name in special_files(str(path.parent)):
        if name.lower().startswith(path.stem.lower()):
            raise _refused(path, path.with_name(name), "is a pipe or a device")
    for ending in METADATA:
        sidecar = Path(f"{path}{ending}")
        if os.path.isfile(sidecar) and sidecar.stat().st_size > LARGEST_METADATA:
            raise _refused(path, sidecar, f"is larger than {LARGEST_METADATA // 2**20} MB")
    return _opened(path, path, NESTED)


def _opened(path: Path, beside: Path, depth: int) -> list[Path]:
    found = []
    for ending in OPENED:
        sidecar = Path(f"{beside}{ending}")
        # unlike Path.is_file, this takes names that are too long to exist
        if not os.path.isfile(sidecar):
            continue
        with sidecar.open("rb") as stream:
            if not stream.read(4).startswith(TIFF):
                raise _refused(path, sidecar, "is no TIFF")
        found.append(sidecar)
        if depth > 1:
            found += _opened(path, sidecar, depth - 1)
    return found


def special_files(folder: str) -> frozenset[str]:
    """Return the names of pipes, sockets and devices in a folder."""
    try:
        return _special_files(folder, os.stat(folder).st_mtime_ns)
    except OSError:
        return frozenset()


@lru_cache(maxsize=64)
def _special_files(folder: str, changed: int) -> frozenset[str]:
    with os.scandir(folder) as entries:
        return frozenset(entry.name for entry in entries if _is_special(entry))


def _is_special(entry: "os.DirEntry[str]") -> bool:
    if entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False):
        return False
    try:
        mode = entry.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _refused(path: Path, sidecar: Path, reason: str) -> UserError:
    return UserError(
        "sidecar-refused",
        f"{path}: is not opened, since {sidecar.name} beside it {reason}",
        "remove that file, or move the raster",
    )
