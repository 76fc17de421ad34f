"""Tracked runs, and how a text names one of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sen2naip_sr.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

SHORT_ID = 8
SHOWN = 5
MODEL_TAG = "model"
"""The tag of a run that names its own network, or its own ones joined by ``+``."""
SCORED_IN = "scored_in"
"""The tag of a run that trained only: the run that scored its weights on test chips."""
_TRAIN = "train_"


@dataclass(frozen=True)
class TrackedRun:
    """One tracked run.

    Attributes:
        run_id: Its id, unique.
        name: Its name; several runs may share one.
        started: When it started, in milliseconds since 1970.
        finished: Whether it finished.
        tags: Its tags.
        params: Its parameters by their path, as texts.
        metrics: Its metrics: of curves the last values.
    """

    run_id: str
    name: str
    started: int
    finished: bool
    tags: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def networks(self) -> list[str]:
        """The networks that the run trained, or else the one that it is about.

        Runs of earlier versions have no tag for it, but names such as ``train_carn+evaluate``.
        """
        if model := self.tags.get(MODEL_TAG):
            return model.split("+")
        parts = self.name.split("+")
        return [part.removeprefix(_TRAIN) for part in parts if part.startswith(_TRAIN)]

    def __str__(self) -> str:
        return f"{self.name} ({self.run_id[:SHORT_ID]})"


@dataclass(frozen=True)
class TrackedRuns:
    """All tracked runs, in any order, and what reads a run's scores per chip, if it has any."""

    runs: Sequence[TrackedRun]
    read_scores: Callable[[TrackedRun], "pd.DataFrame | None"]


def find_run(text: str, runs: Sequence[TrackedRun]) -> tuple[TrackedRun, str] | None:
    """Return the run that a text names, and a remark on how it was found.

    Args:
        text: An id, a name, the beginning of an id, or the first words of a name; the first of
            these that matches decides.
        runs: All runs.

    Returns:
        The run and a remark, which is empty where there was no choice; None if no run matches.

    Raises:
        UserError: If several ids begin with the text.
    """
    for run in runs:
        if run.run_id == text:
            return run, ""
    if named := [run for run in runs if run.name == text]:
        return _latest(named)
    begun = [run for run in runs if run.run_id.startswith(text)]
    if len(begun) > 1:
        raise UserError(
            "run-ambiguous",
            f"the ids of {len(begun)} runs begin with '{text}': "
            + ", ".join(run.run_id for run in begun[:SHOWN]),
            "give more of the id",
        )
    if begun:
        return begun[0], ""
    named = [run for run in runs if run.name.startswith(f"{text} ")]
    return _latest(named) if named else None


def _latest(named: Sequence[TrackedRun]) -> tuple[TrackedRun, str]:
    latest = max(named, key=lambda run: (run.finished, run.started))
    return latest, f"latest of {len(named)} runs of that name" if len(named) > 1 else ""


def unknown_run(text: str, runs: Sequence[TrackedRun]) -> UserError:
    """Return the error for a text that names no run; it lists the nearest, or else the latest."""
    if not runs:
        return UserError(
            "no-tracked-run",
            f"there is no tracked run yet, so none is called '{text}'",
            "run an evaluation first",
        )
    names = {run.name for run in runs} | {run.run_id[:SHORT_ID] for run in runs}
    nearest = get_close_matches(text[:32], names, n=3, cutoff=0.6)
    near = [run for run in runs if {run.name, run.run_id[:SHORT_ID]} & set(nearest)]
    latest = sorted(near or runs, key=lambda run: -run.started)[:SHOWN]
    listed = ", ".join(map(str, latest))
    hint = f"did you mean {listed}?" if near else f"the latest are {listed}"
    return UserError(
        "unknown-run",
        f"no tracked run has the id or name '{text}': {hint}",
        "give a run's id, its beginning, or its name",
    )
