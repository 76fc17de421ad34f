"""The page's files: uploads, results and pictures, until they expire."""

import os
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from time import time

_TICKET = re.compile(r"[\w-]{20,64}")
_NAME = re.compile(r"\w[\w.-]{0,99}")
_GRACE = 300.0
"""Seconds for which the files of a visitor who is gone are kept."""


class Drawer:
    """A folder of files that the page may fetch by the drawer's ticket.

    Attributes:
        ticket: What names it in an address; nobody can guess it.
        folder: The folder.
        address: The beginning of the addresses of its files.
    """

    def __init__(self, ticket: str, folder: Path, address: str) -> None:
        self.ticket = ticket
        self.folder = folder
        self.address = address

    def url(self, name: str) -> str:
        """Return the address of one of its files."""
        return f"{self.address}/{self.ticket}/{name}"

    def put(self, name: str, content: bytes | str) -> str:
        """Write a file, and return its address."""
        (self.folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return self.url(name)

    def hidden(self) -> Path:
        """Return a folder in it whose files have no address."""
        folder = self.folder / "hidden"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


class Shelf:
    """All files of the page, below one folder that is its own.

    Args:
        root: The folder; what an earlier server left there is removed.
        address: The beginning of the addresses of files.
        expiry: Seconds until a file is removed.

    Attributes:
        expiry: The same.
    """

    def __init__(self, root: Path, address: str, expiry: float) -> None:
        self._root = root
        self._address = address
        self.expiry = expiry
        self.clear()

    @property
    def uploads(self) -> Path:
        """The folder of uploaded scenes."""
        return self._root / "uploads"

    @property
    def _drawers(self) -> Path:
        return self._root / "results"

    def new(self) -> Drawer:
        """Return an empty drawer."""
        ticket = secrets.token_urlsafe(24)
        folder = self._drawers / ticket
        folder.mkdir(mode=0o700, parents=True)
        return Drawer(ticket, folder, self._address)

    def new_upload(self) -> Path:
        """Return an empty folder among the uploads."""
        folder = self.uploads / secrets.token_hex(16)
        folder.mkdir(mode=0o700, parents=True)
        return folder

    def find(self, ticket: str, name: str) -> Path | None:
        """Return a file by its ticket and name; None if there is no such file, or no longer."""
        if not _TICKET.fullmatch(ticket) or not _NAME.fullmatch(name):
            return None
        path = self._drawers / ticket / name
        return path if path.is_file() and not path.is_symlink() else None

    def remove(self, drawer: Drawer | None) -> None:
        """Remove a drawer with its files."""
        if drawer:
            shutil.rmtree(drawer.folder, ignore_errors=True)

    def expire_soon(self, folder: Path) -> None:
        """Let a folder of an upload or drawer expire in some minutes, for whoever comes back."""
        if folder.parent in (self.uploads, self._drawers):
            then = time() - self.expiry + min(_GRACE, self.expiry)
            with suppress(OSError):
                os.utime(folder, (then, then))

    def sweep(self) -> None:
        """Remove what is older than the expiry."""
        oldest = time() - self.expiry
        for parent in (self.uploads, self._drawers):
            for entry in parent.iterdir() if parent.is_dir() else ():
                with suppress(FileNotFoundError):
                    if not entry.is_dir():
                        # Gradio makes an empty file for every scene that it hands on
                        entry.unlink()
                    elif entry.stat().st_mtime < oldest:
                        shutil.rmtree(entry, ignore_errors=True)

    def clear(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._root, ignore_errors=True)


def is_inside(path: Path, folder: Path) -> bool:
    """Return whether a path leads to a regular file below a folder."""
    try:
        found, root = path.resolve(), folder.resolve()
        return root in found.parents and found.is_file()
    except (OSError, ValueError, RuntimeError):
        return False
