"""One run at a time in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from sen2naip_sr.errors import UserError

LOCK = "running.lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder, which is made. A killed process releases the lock.

    Raises:
        UserError: If another run holds the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise UserError(
            "folder-in-use",
            f"{folder}: another run is working there",
            "wait until that run has ended",
        ) from error
    try:
        yield
    finally:
        lock.release()
