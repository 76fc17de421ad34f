"""The folder of the jobs: what lies there, and what a process that was killed has left."""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sen2naip_sr.errors import UserError, find_user_error
from sen2naip_sr.serving.jobs.records import OPEN, State
from sen2naip_sr.serving.jobs.store import Store

logger = logging.getLogger(__name__)

SCENE, RESULT, INTERVAL = "scene.tif", "scene_x2.tif", "scene_x2_interval.tif"
"""Names of a scene and what is made of it, in a folder of their own."""


class Spool:
    """The folder of a server: jobs that stay, and scenes of requests that go.

    Args:
        folder: The folder; it is made. One server at a time has it.

    Attributes:
        folder: The folder.
        store: The states of the jobs.

    Raises:
        UserError: If it cannot be used, or another server uses it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not os.access(folder, os.W_OK):
                raise PermissionError(13, "may not be written", str(folder))
        self.store = Store(folder)
        try:
            self._recover()
        except BaseException:
            self.store.close()
            raise

    def close(self) -> None:
        """Give the folder back."""
        self.store.close()

    def of_job(self, id: str) -> Path:
        """Return the folder of a job."""
        return self.folder / "jobs" / id

    def make_job(self) -> tuple[str, Path]:
        """Return a name for a new job and its folder, which is made.

        Raises:
            UserError: If the disk is full.
        """
        id = uuid4().hex
        return id, self._made(self.of_job(id))

    def make_request(self) -> Path:
        """Return a new folder for one request; errors as in `make_job`."""
        return self._made(self.folder / "requests" / uuid4().hex)

    def _made(self, folder: Path) -> Path:
        with explained(self.folder):
            folder.mkdir(parents=True, mode=0o700)
        return folder

    def _recover(self) -> None:
        """Let what a killed process was doing be done again, and remove what it has left."""
        remove(self.folder / "requests")
        for record in self.store.of_state(*OPEN):
            if (self.of_job(record.id) / SCENE).is_file():
                _remove_half_made(self.of_job(record.id))
                self.store.change(record.id, OPEN, state=State.QUEUED)
            else:
                self._fail(record.id, "scene-lost", "the scene is not on the server any more")
        for record in self.store.of_state(State.DONE):
            if not (self.of_job(record.id) / RESULT).is_file():
                self.store.change(record.id, [State.DONE], state=State.EXPIRED)
        kept = {record.id for record in self.store.of_state(*OPEN, State.DONE)}
        jobs = self.folder / "jobs"
        for folder in jobs.iterdir() if jobs.is_dir() else ():
            if folder.name not in kept:
                remove(folder)

    def _fail(self, id: str, code: str, problem: str) -> None:
        logger.warning("job %s: %s", id, problem)
        fault = (code, problem, "send the scene again")
        self.store.end(id, OPEN, State.FAILED, fault=fault)


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it; it may be missing."""
    shutil.rmtree(folder, ignore_errors=True)


def _remove_half_made(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != SCENE:
            path.unlink()


def keep(folder: Path) -> None:
    """Wait until the disk holds a scene and its folder."""
    for path in (folder / SCENE, folder, folder.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn errors of the disk into errors that have a code."""
    try:
        yield
    except OSError as error:
        raise find_user_error(error) or UserError(
            "spool-unusable", f"{folder}: cannot be used ({error})", "choose another folder"
        ) from error
