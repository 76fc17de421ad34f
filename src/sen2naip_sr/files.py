"""Files and folders that are replaced as a whole or not at all."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sen2naip_sr.errors import UserError

LONGEST_KEPT = 180
"""Bytes of the longest name that hidden names repeat as a whole."""

SIDECARS = (".aux.xml", ".msk", ".ovr")
"""Endings of the files beside a raster that GDAL reads as its statistics, mask and overviews."""


def check_target(path: Path, sources: Sequence[Path], overwrite: bool) -> None:
    """Check that a file can be written to ``path``.

    Args:
        path: The target.
        sources: Files that are read while the target is written.
        overwrite: Whether an existing file may be replaced.

    Raises:
        UserError: If the target is a folder or one of the sources, also under another name; if it
            or one of its sidecar files exists; if its folder is missing or read-only.
    """
    folder = path.parent
    if not folder.is_dir():
        raise UserError(
            "output-folder-missing",
            f"{path}: the folder {folder} is missing",
            "make it, or choose another",
        )
    require_nameable(path)
    if path.is_dir():
        raise UserError("output-is-folder", f"{path}: is a folder", "name a file")
    if any(path.exists() and source.exists() and path.samefile(source) for source in sources):
        raise UserError(
            "output-is-input", f"{path}: is the input itself", "choose another name for the output"
        )
    existing = [file for file in (path, *_sidecars(path)) if os.path.lexists(file)]
    if existing and not overwrite:
        raise UserError(
            "output-exists",
            f"{existing[0]}: exists already",
            "allow overwriting it, or choose another name",
        )
    if not os.access(folder, os.W_OK):
        raise UserError(
            "folder-read-only", f"{path}: the folder {folder} is read-only", "choose another folder"
        )


def require_nameable(path: Path) -> None:
    """Check that the file system takes a file's name.

    Raises:
        UserError: If the name is too long.
    """
    try:
        limit = os.pathconf(path.parent, "PC_NAME_MAX")
    except (OSError, ValueError):
        return
    length = len(os.fsencode(path.name))
    if length > limit:
        raise UserError(
            "name-too-long",
            f"{path}: its name has {length} bytes, and the file system takes {limit}",
            "choose a shorter name for the output",
        )


@contextmanager
def replacing(path: Path, needed: int = 0) -> Iterator[Path]:
    """Replace a file or a folder by what the block makes at a hidden path beside it.

    If the block raises, or if the process is killed, the old content of ``path`` stays. Everything
    whose name begins with the hidden name is temporary: it is removed at the end of the block, or
    by the next call for ``path`` if the process was killed.

    Args:
        path: The file or folder; the folder around it is made. A file is replaced together with
            its sidecar files.
        needed: Bytes that will be written at least.

    Yields:
        The hidden path. It does not exist yet and has the suffix of ``path``.

    Raises:
        UserError: If fewer than ``needed`` bytes are free, or if ``path`` cannot be replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    if needed and shutil.disk_usage(path.parent).free < needed:
        raise _unwritable(path, "the disk is too full", needed)
    hidden = path.with_name(f"{_stem(path)}{os.getpid()}{path.suffix}")
    try:
        yield hidden
        with explaining(path):
            if hidden.is_dir():
                _replace_folder(path, hidden)
            else:
                _replace_file(path, hidden)
    finally:
        _remove(_temporary(path, os.getpid()))


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file's content as a whole or not at all; its folder is made.

    Raises:
        OSError: If the content cannot be written.
        UserError: If it is written and cannot take the file's place.
    """
    with replacing(path) as hidden:
        hidden.write_bytes(content)


@contextmanager
def explaining(
    path: Path, needed: int = 0, errors: tuple[type[Exception], ...] = (OSError,)
) -> Iterator[None]:
    """Turn errors of the disk into errors that say what the user can do.

    Args:
        path: The file that the block writes.
        needed: Bytes that it needs at least while it is written, 0 if unknown.
        errors: The exceptions that mean that writing failed.

    Raises:
        UserError: If the block raises one of them.
    """
    try:
        yield
    except errors as error:
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


def _replace_file(path: Path, new: Path) -> None:
    _sync(new)
    os.replace(new, path)
    for old_sidecar, new_sidecar in zip(_sidecars(path), _sidecars(new), strict=True):
        if new_sidecar.exists():
            os.replace(new_sidecar, old_sidecar)
        elif os.path.lexists(old_sidecar):
            old_sidecar.unlink(missing_ok=True)
    with suppress(OSError):
        # some systems cannot sync folders
        _sync(path.parent)


def _replace_folder(path: Path, new: Path) -> None:
    """Replace a folder. A process that is killed meanwhile leaves no folder, never a mixed one."""
    old = new.with_name(f"{new.name}.old")
    if path.exists():
        path.rename(old)
    try:
        new.rename(path)
    except BaseException:
        if old.exists():
            old.rename(path)
        raise


def _stem(path: Path) -> str:
    """Return the beginning of a target's hidden names; a long one is cut to fit with its endings.

    File systems allow names of 255 bytes. Hidden names have a dot and up to 60 bytes more.
    """
    name = path.name
    if len(name.encode(errors="surrogateescape")) > LONGEST_KEPT:
        start = name.encode(errors="surrogateescape")[: LONGEST_KEPT // 2]
        digest = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:16]
        name = f"{start.decode(errors='ignore')}~{digest}"
    return f".{name}.partial-"


def _sidecars(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in SIDECARS]


def _temporary(path: Path, process: int) -> list[Path]:
    """Return the temporary files and folders that a process has made for ``path``."""
    name = re.compile(rf"{re.escape(_stem(path))}{process}(\D.*)?")
    return [file for file in path.parent.iterdir() if name.fullmatch(file.name)]


def _remove_leftovers(path: Path) -> None:
    """Remove the temporary files that killed processes have left."""
    name = re.compile(rf"{re.escape(_stem(path))}(\d+)(\D.*)?")
    matches = [match for file in path.parent.iterdir() if (match := name.fullmatch(file.name))]
    if not matches:
        return
    # not at the top: trainings also run where only torch and its companions are installed
    import psutil  # type: ignore[import-untyped]

    for process in {int(match[1]) for match in matches}:
        # in containers every run may have the same process number
        if process == os.getpid() or not psutil.pid_exists(process):
            _remove(_temporary(path, process))


def _remove(paths: list[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Wait until the disk holds what was written."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
