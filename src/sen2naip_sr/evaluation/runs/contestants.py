"""What is compared: the run and method that each entry means, and their scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.measures import ALL_BANDS
from sen2naip_sr.evaluation.runs.tracked import (
    SHORT_ID,
    TrackedRun,
    TrackedRuns,
    find_run,
    unknown_run,
)

NEEDED = ("method", "trained", "chip", "place", "location", "band", "psnr")


@dataclass(frozen=True)
class Contestant:
    """One side of comparisons.

    Attributes:
        entry: What was asked for.
        run: The run that it means.
        method: The method of that run.
        remark: How they were chosen, where there was a choice.
        scores: The method's scores over all bands, a row a chip.
        label: What it is called in tables and figures.
    """

    entry: str
    run: TrackedRun
    method: str
    remark: str
    scores: pd.DataFrame
    label: str = ""


def choose_contestants(entries: Sequence[str], tracked: TrackedRuns) -> list[Contestant]:
    """Return what the entries mean, in their order.

    Args:
        entries: ``RUN`` or ``RUN/METHOD``. Without a method it is the run's only one, else its
            best trained one by mean PSNR.
        tracked: All runs.

    Raises:
        UserError: If there are fewer than two, one is unknown, has no scores or no such method, or
            two mean the same.
    """
    if len(entries) < 2:
        given = f"only one run is given ('{entries[0]}')" if entries else "no runs are given"
        raise UserError(
            "too-few-runs",
            f"{given}: a comparison needs at least two runs",
            "name two or more runs, or methods of one run",
        )
    chosen = [_choose(entry, tracked) for entry in entries]
    _require_different(chosen)
    return _labelled(chosen)


def _choose(entry: str, tracked: TrackedRuns) -> Contestant:
    # the whole text first: names of runs may hold a slash
    found, method = find_run(entry, tracked.runs), ""
    if found is None and "/" in entry:
        name, _, method = entry.rpartition("/")
        found = find_run(name, tracked.runs)
    if found is None:
        raise unknown_run(entry.rpartition("/")[0] or entry, tracked.runs)
    run, remark = found
    scores = _read_scores(run, tracked)
    method, remarks = _choose_method(run, method, scores, remark)
    return Contestant(entry, run, method, remarks, scores[scores["method"] == method])


def _read_scores(run: TrackedRun, tracked: TrackedRuns) -> pd.DataFrame:
    scores = tracked.read_scores(run)
    if scores is None:
        raise UserError(
            "run-without-scores",
            f"run {run} has no scores",
            "name a run that evaluated methods",
        )
    missing = [name for name in NEEDED if name not in scores]
    if missing:
        raise UserError(
            "scores-incomplete",
            f"the scores of run {run} have no column {', '.join(missing)}",
            "name another run",
        )
    return scores[scores["band"] == ALL_BANDS]


def _choose_method(
    run: TrackedRun, method: str, scores: pd.DataFrame, remark: str
) -> tuple[str, str]:
    """Return the method and the remarks on it."""
    names = sorted(scores["method"].unique())
    if method:
        if method not in names:
            raise UserError(
                "unknown-method",
                f"run {run} has no method '{method}'",
                f"name one of its own: {', '.join(names)}",
            )
        return method, remark
    if len(names) == 1:
        return names[0], remark
    trained = scores[scores["trained"].astype(bool)]
    candidates, kind = (scores, "methods") if trained.empty else (trained, "trained methods")
    means = candidates.groupby("method")["psnr"].mean()
    if len(means) == 1:
        return str(means.index[0]), "; ".join(filter(None, [remark, "its only trained method"]))
    best = f"best of its {len(means)} {kind} by mean PSNR"
    return str(means.idxmax()), "; ".join(filter(None, [remark, best]))


def _require_different(chosen: Sequence[Contestant]) -> None:
    seen: dict[tuple[str, str], Contestant] = {}
    for one in chosen:
        other = seen.setdefault((one.run.run_id, one.method), one)
        if other is not one:
            raise UserError(
                "run-given-twice",
                f"'{other.entry}' and '{one.entry}' both mean {one.method} of run {one.run}",
                "name another run, or another method of it as RUN/METHOD",
            )


def _labelled(chosen: Sequence[Contestant]) -> list[Contestant]:
    """Label by method alone, with the run's name, or with its id: the shortest that is clear."""
    runs = {one.run.run_id: one.run for one in chosen}
    if len(runs) == 1:
        return [replace(one, label=one.method) for one in chosen]
    if len({run.name for run in runs.values()}) == len(runs):
        return [replace(one, label=f"{one.run.name}/{one.method}") for one in chosen]
    return [replace(one, label=f"{one.run.run_id[:SHORT_ID]}/{one.method}") for one in chosen]
