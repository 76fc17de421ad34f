"""A file that is replaced in one piece or not at all."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from sen2naip_sr.errors import UserError

SIDECARS = (".aux.xml", ".msk", ".ovr")
"""Endings of the files beside a raster that GDAL takes for its statistics, mask and overviews."""


def check_target(path: Path, sources: Sequence[Path], overwrite: bool) -> None:
    """Check that a raster can be written to ``path``.

    Args:
        path: Where to.
        sources: Files that are read meanwhile.
        overwrite: Whether what is there may be replaced.

    Raises:
        UserError: If it is one of the sources, also by another name; if it is there or something
            that would be taken for a part of it; if its folder is missing or read-only.
    """
    folder = path.parent
    if not folder.is_dir():
        raise UserError(
            "output-folder-missing",
            f"{path}: the folder {folder} is missing",
            "make it, or choose another",
        )
    if path.is_dir():
        raise UserError("output-is-folder", f"{path}: is a folder", "name a file")
    if any(path.exists() and source.exists() and path.samefile(source) for source in sources):
        raise UserError(
            "output-is-input", f"{path}: is the input itself", "choose another name for the output"
        )
    there = [file for file in (path, *_sidecars(path)) if os.path.lexists(file)]
    if there and not overwrite:
        raise UserError(
            "output-exists",
            f"{there[0]}: is there already",
            "allow overwriting it, or choose another name",
        )
    if not os.access(folder, os.W_OK):
        raise UserError(
            "folder-read-only", f"{path}: the folder {folder} is read-only", "choose another folder"
        )


@contextmanager
def replacing(path: Path, needed: int = 0) -> Iterator[Path]:
    """Give a hidden name beside ``path``; what is written there replaces ``path`` at the end.

    If the block raises, or if the process is killed, what was at ``path`` stays. All files whose
    names begin with the hidden name are removed, those of dead processes at the next start.

    Args:
        path: The file to replace, with the sidecar files that belong to it.
        needed: Bytes that will be written at least.

    Raises:
        UserError: If the disk has less room than needed, or fails.
    """
    _remove_leftovers(path)
    if shutil.disk_usage(path.parent).free < needed:
        raise _unwritable(path, "the disk is too full", needed)
    partial = path.with_name(f"{_stem(path)}{os.getpid()}.tif")
    try:
        yield partial
        with explaining(path):
            _replace(path, partial)
    finally:
        for file in _beside(path, os.getpid()):
            file.unlink(missing_ok=True)


@contextmanager
def explaining(path: Path, needed: int = 0) -> Iterator[None]:
    """Turn what goes wrong on the disk into what the user can do about it.

    Args:
        path: What is written.
        needed: Bytes that it takes at least while it is written, 0 if unknown.

    Raises:
        UserError: If the block fails to write.
    """
    try:
        yield
    except (OSError, RasterioError, CPLE_BaseError) as error:
        raise _unwritable(path, error.__cause__ or error, needed) from error


def _unwritable(path: Path, reason: object, needed: int) -> UserError:
    free = shutil.disk_usage(path.parent).free
    room = f"{free / 1e6:,.1f} MB are free in {path.parent}"
    if needed:
        room += f", {needed / 1e6:,.1f} MB are needed at least"
    return UserError(
        "write-failed",
        f"{path}: cannot be written: {reason} ({room})",
        "make room there, or choose another folder",
    )


def _replace(path: Path, partial: Path) -> None:
    _sync(partial)
    os.replace(partial, path)
    for old, new in zip(_sidecars(path), _sidecars(partial), strict=True):
        if new.exists():
            os.replace(new, old)
        else:
            old.unlink(missing_ok=True)
    with suppress(OSError):
        # not every system can
        _sync(path.parent)


def _stem(path: Path) -> str:
    return f".{path.name}.partial-"


def _sidecars(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in SIDECARS]


def _beside(path: Path, process: int) -> list[Path]:
    """Return the temporary files that a process has made for ``path``."""
    name = re.compile(rf"{re.escape(_stem(path))}{process}\D.*")
    return [file for file in path.parent.iterdir() if name.fullmatch(file.name)]


def _remove_leftovers(path: Path) -> None:
    name = re.compile(rf"{re.escape(_stem(path))}(\d+)\D.*")
    matches = [match for file in path.parent.iterdir() if (match := name.fullmatch(file.name))]
    for process in {int(match[1]) for match in matches}:
        # in containers every run may have the same process number
        if process == os.getpid() or not psutil.pid_exists(process):
            for file in _beside(path, process):
                file.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Have the disk hold what was written."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
