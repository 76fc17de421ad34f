"""The thread that does the jobs, one after the other, and removes old results."""

import logging
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from threading import Event, Lock, Thread
from time import time
from typing import Any

from sen2naip_sr.errors import UserError, find_user_error
from sen2naip_sr.serving.engine import Cancelled, Engine, Made
from sen2naip_sr.serving.jobs.records import OPEN, Record, State
from sen2naip_sr.serving.jobs.spool import RESULT, SCENE, Spool, remove
from sen2naip_sr.serving.problems import without_paths
from sen2naip_sr.serving.progress import Progress
from sen2naip_sr.upscaling.parameters import make_options

logger = logging.getLogger(__name__)

ENDED = (State.FAILED, State.CANCELLED, State.EXPIRED)
REMEMBERED = 7
"""Jobs are forgotten after so many times the time after which results are removed."""
SWEEP_SECONDS = 30.0

MOST_ATTEMPTS = 3
"""A job that was begun so often by processes that were killed is not begun again."""

KNOWN = (
    "width", "height", "pixel", "bounds", "crs", "placed_by", "value_range", "seconds", "made_with",
)  # fmt: skip
"""What a job tells of its result."""


class Worker:
    """Does the jobs of a spool folder.

    Args:
        spool: The folder.
        engine: What upscales.
        expiry: Seconds until results are removed.
        took: Called with the seconds that a job took.
    """

    def __init__(
        self, spool: Spool, engine: Engine, expiry: float, took: Callable[[float], object]
    ) -> None:
        self._spool, self._store = spool, spool.store
        self._engine = engine
        self._expiry = expiry
        self._took = took
        self._wake, self._stopping = Event(), Event()
        self._lock = Lock()
        self._current: tuple[str, Event] | None = None
        self._progress = Progress()
        self._thread = Thread(target=self._work, name="jobs")

    @property
    def is_alive(self) -> bool:
        """Whether it works."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin with the oldest job."""
        self._thread.start()

    def halt(self) -> None:
        """Stop at the next tile. The job is done by the next process."""
        self._stopping.set()
        self._wake.set()
        with self._lock:
            if self._current:
                self._current[1].set()

    def stop(self) -> None:
        """Stop at the next tile, and wait for that."""
        self.halt()
        if self._thread.ident is not None:
            self._thread.join()

    def wake(self) -> None:
        """Look for jobs at once."""
        self._wake.set()

    def progress_of(self, id: str) -> Progress:
        """Return how far a job is that runs."""
        with self._lock:
            running = self._current is not None and self._current[0] == id
            return self._progress if running else Progress()

    def cancel(self, id: str) -> None:
        """Cancel an open job: its state at once, its work at the next tile.

        A job that is done loses its result. Others stay as they are.
        """
        if self._store.end(id, OPEN, State.CANCELLED):
            with self._lock:
                if self._current and self._current[0] == id:
                    self._current[1].set()
                    return
            remove(self._spool.of_job(id))
        elif self._store.end(id, [State.DONE], State.EXPIRED):
            remove(self._spool.of_job(id))

    def _work(self) -> None:
        swept = float("-inf")
        while not self._stopping.is_set():
            try:
                pause = min(SWEEP_SECONDS, self._expiry / 2)
                if time() - swept > pause:
                    self._sweep()
                    swept = time()
                self._wake.clear()
                # a job that runs is none of this thread's: its end could not be noted
                waiting = self._store.of_state(*OPEN)
                if waiting:
                    self._do(waiting[0])
                else:
                    self._wake.wait(pause)
            except Exception:
                # a full disk, say: the state on it is still the one before
                logger.exception("the jobs cannot be done")
                self._stopping.wait(1)

    def _do(self, record: Record) -> None:
        """Do a job, and note its end."""
        id, cancelled = record.id, Event()
        with self._lock:
            self._current, self._progress = (id, cancelled), Progress()
        try:
            began = {"started": time(), "attempts": record.attempts + 1}
            if record.attempts >= MOST_ATTEMPTS:
                self._store.end(id, OPEN, State.FAILED, fault=_interrupted(record.attempts))
            elif self._store.change(id, OPEN, state=State.RUNNING, **began):
                self._upscale(record, self._spool.of_job(id), cancelled)
        finally:
            with self._lock:
                self._current = None
            known = self._store.get(id)
            if known is None or known.state in ENDED:
                remove(self._spool.of_job(id))

    def _upscale(self, record: Record, folder: Path, cancelled: Event) -> None:
        running = [State.RUNNING]
        try:
            made = self._engine.upscale(
                folder / SCENE,
                folder / RESULT,
                make_options(**record.options),
                progress=self._progress,
                cancelled=cancelled,
                long=True,
            )
        except Cancelled:
            # the server stops, unless the job was cancelled: then it is not running any more
            self._store.change(
                record.id, running, state=State.QUEUED, started=None, attempts=record.attempts
            )
        except Exception as error:
            fault = self._fault(record.id, error)
            self._store.end(record.id, running, State.FAILED, fault=fault)
        else:
            self._store.end(record.id, running, State.DONE, result=_known(made))
            (folder / SCENE).unlink(missing_ok=True)
            self._took(made.result.seconds)

    def _fault(self, id: str, error: Exception) -> tuple[str, str, str]:
        found = find_user_error(error)
        if found is None:
            logger.error("job %s failed", id, exc_info=error)
            found = UserError("internal-error", "the server has a fault", "tell who runs it")
        folder = self._spool.folder
        return found.code, without_paths(found.problem, folder), without_paths(found.remedy, folder)

    def _sweep(self) -> None:
        """Remove old results, and forget old jobs."""
        for record in self._store.finished_before(time() - self._expiry, State.DONE):
            if self._store.change(record.id, [State.DONE], state=State.EXPIRED):
                remove(self._spool.of_job(record.id))
        for record in self._store.finished_before(time() - REMEMBERED * self._expiry, *ENDED):
            self._store.forget(record.id)


def _interrupted(attempts: int) -> tuple[str, str, str]:
    problem = f"the server ended {attempts} times while it upscaled the scene"
    return "interrupted", problem, "send the scene again, or choose a smaller model"


def _known(made: Made) -> dict[str, Any]:
    """Return what is known of a result as JSON."""
    known = asdict(made.result)
    return {name: _finite(known[name]) for name in KNOWN} | {
        "interval": made.interval is not None,
        "bytes": made.target.stat().st_size,
    }


def _finite(value: Any) -> Any:
    """Return a value without the numbers that JSON does not have."""
    if isinstance(value, tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
