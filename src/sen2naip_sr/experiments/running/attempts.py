"""Counts the starts of a training, so that one whose process is killed is not tried for ever.

The kernel kills a process that uses too much memory. Nothing can be recorded at that moment, so
the start is recorded instead.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, Field

from sen2naip_sr.errors import UserError
from sen2naip_sr.files import write_atomically
from sen2naip_sr.training.checkpoint import saved_progress

ATTEMPTS = "attempts.json"
MOST_ENDS = 3
"""A training is given up after so many kills without progress."""


class _Attempts(BaseModel):
    """Starts of a training since its checkpoint last advanced."""

    fingerprint: str
    starts: int = Field(ge=1)
    step: int


@contextmanager
def counted(folder: Path, fingerprint: str, checkpoint: Path) -> Iterator[None]:
    """Count a start of a training, until the training ends in a way that Python sees.

    Ctrl-C does not count. A checkpoint that has advanced resets the count, and starts with another
    fingerprint do not count.

    Raises:
        UserError: If it was killed `MOST_ENDS` times without progress. The next call tries again.
    """
    before = _read(folder, fingerprint)
    step, _ = saved_progress(checkpoint)
    starts = before.starts if before and step <= before.step else 0
    if starts >= MOST_ENDS:
        _write(folder, None)
        raise UserError(
            "worker-killed",
            f"its process was killed {MOST_ENDS} times (out of memory?)",
            "give it more memory, a smaller batch or crop, or fewer workers beside it, and run "
            "again: what is done is kept",
        )
    _write(folder, _Attempts(fingerprint=fingerprint, starts=starts + 1, step=step))
    after = None
    try:
        yield
    except KeyboardInterrupt:
        after = before
        raise
    finally:
        _write(folder, after)


def _read(folder: Path, fingerprint: str) -> _Attempts | None:
    try:
        found = _Attempts.model_validate_json((folder / ATTEMPTS).read_text())
    except (OSError, ValueError):
        return None
    return found if found.fingerprint == fingerprint else None


def _write(folder: Path, attempts: _Attempts | None) -> None:
    if attempts is None:
        (folder / ATTEMPTS).unlink(missing_ok=True)
        return
    write_atomically(folder / ATTEMPTS, attempts.model_dump_json().encode())
