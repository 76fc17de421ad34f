"""One process at a time in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from sen2naip_sr.errors import UserError

LOCK = "running.lock"


@contextmanager
def locked(folder: Path, name: str = LOCK, wait: float = 0) -> Iterator[None]:
    """Keep other processes out of a folder, which is made. A killed process releases the lock.

    Args:
        folder: The folder.
        name: The lock's file in it.
        wait: Seconds to wait for the process that holds the lock.

    Raises:
        UserError: If another process still holds the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / name, timeout=wait)
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
