"""How often a training was ended from outside, so that it does not end every run of a command.

The kernel ends the process of a training that takes more memory than there is. Nothing can be
recorded then, so the beginning is.
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
"""A training that has been ended from outside so often, and came no further, is given up."""


class _Attempts(BaseModel):
    """Starts of a training that none of the steps since the first has come of."""

    fingerprint: str
    starts: int = Field(ge=1)
    step: int


@contextmanager
def counted(folder: Path, fingerprint: str, checkpoint: Path) -> Iterator[None]:
    """Count a training as started until it has ended, in whatever way Python sees.

    Ctrl-C does not count, nor do the starts before a checkpoint that got further.

    Args:
        folder: Of the training.
        fingerprint: Of all that its outcome depends on; starts of another one do not count.
        checkpoint: Where it keeps its state.

    Raises:
        UserError: If it has been started `MOST_ENDS` times to no end. The next time it is tried.
    """
    before = _read(folder, fingerprint)
    step, _ = saved_progress(checkpoint)
    starts = before.starts if before and step <= before.step else 0
    if starts >= MOST_ENDS:
        _write(folder, None)
        raise UserError(
            "worker-killed",
            "its process was ended from outside three times, as happens where memory runs out",
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
