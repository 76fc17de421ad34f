"""What every tracker does, and the trackers of the active run."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from sen2naip_sr.metrics.catalogue import trackable
from sen2naip_sr.tracking.trackers.parameters import MLFLOW

logger = logging.getLogger(__name__)


class Tracker(Protocol):
    """Records one run."""

    @property
    def name(self) -> str:
        """The tracker's name, a value of `sen2naip_sr.tracking.trackers.parameters.NAMES`."""

    def scalars(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers: a point of their curves at a step, or the run's results without one."""

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Record parameters by their dotted names."""

    def figure(self, name: str, file: Path) -> None:
        """Record a figure, a PNG."""

    def artifact(self, file: Path, folder: str) -> None:
        """Record a file, in a folder of the run's files."""

    def close(self, failed: bool = False) -> None:
        """End the run."""

    def where(self) -> str:
        """Return how to look at the run, for a terminal; empty if that is said elsewhere."""


class Trackers:
    """The trackers of a run; what one gets, all get.

    MLflow's failures are handled where its client is called. Any other tracker that fails is left
    out from then on: a training does not end because of it.
    """

    def __init__(self, trackers: Sequence[Tracker] = ()) -> None:
        self._trackers = list(trackers)

    def __len__(self) -> int:
        return len(self._trackers)

    @property
    def beside_mlflow(self) -> "Trackers":
        """All but MLflow, which kedro-mlflow gives the catalog's files and the parameters."""
        return Trackers([tracker for tracker in self._trackers if tracker.name != MLFLOW])

    def scalars(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers; letters that MLflow refuses in names become ``_`` in all trackers."""
        named = {trackable(name): float(value) for name, value in values.items()}
        self._each(lambda tracker: tracker.scalars(named, step))

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Record parameters by their dotted names."""
        self._each(lambda tracker: tracker.parameters(values))

    def figure(self, name: str, file: Path) -> None:
        """Record a figure, a PNG."""
        self._each(lambda tracker: tracker.figure(name, file))

    def artifact(self, file: Path, folder: str) -> None:
        """Record a file, in a folder of the run's files."""
        self._each(lambda tracker: tracker.artifact(file, folder))

    def close(self, failed: bool = False) -> list[str]:
        """End the run; return how to look at it, a line for each tracker that says so."""
        self._each(lambda tracker: tracker.close(failed))
        return [line for tracker in self._trackers if (line := tracker.where())]

    def _each(self, record: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                record(tracker)
            except Exception as error:
                if tracker.name == MLFLOW:
                    raise
                logger.warning(
                    "%s cannot record this run, which continues: %s", tracker.name, error
                )
                self._trackers.remove(tracker)


_current: Trackers | None = None


@contextmanager
def opened(trackers: Trackers) -> Iterator[Trackers]:
    """Make these the trackers of the active run while the block lasts."""
    global _current  # noqa: PLW0603 - as MLflow's active run, it is one of the process
    before, _current = _current, trackers
    try:
        yield trackers
    finally:
        _current = before


def current() -> Trackers:
    """Return the trackers of the active run; MLflow's own active run counts as one."""
    if _current is not None:
        return _current
    import mlflow

    from sen2naip_sr.tracking.trackers.in_mlflow import InMLflow

    run = mlflow.active_run()
    return Trackers([InMLflow(run.info.run_id)] if run else [])
