"""The methods that are compared: the run and method that each entry names, and their scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.columns import ALL_BANDS
from sen2naip_sr.evaluation.runs.tracked import (
    SHORT_ID,
    TrackedRun,
    TrackedRuns,
    find_run,
    unknown_run,
)

NEEDED = ("method", "trained", "chip", "place", "location", "band", "psnr")


@dataclass(frozen=True)
class RunMethod:
    """One method of one run.

    Attributes:
        entry: The text that named it.
        run: The run.
        method: The method's name.
        remark: How run and method were chosen, where there was a choice.
        scores: The method's scores over all bands, one row for each chip.
        label: Its name in tables and figures.
    """

    entry: str
    run: TrackedRun
    method: str
    remark: str
    scores: pd.DataFrame
    label: str = ""


def choose_methods(entries: Sequence[str], tracked: TrackedRuns) -> list[RunMethod]:
    """Return the methods that the entries name, in their order.

    Args:
        entries: ``RUN`` or ``RUN/METHOD``. Without METHOD it is the run's only method,
            else its best trained one by mean PSNR.
        tracked: All runs.

    Raises:
        UserError: If there are fewer than two entries, one is unknown, has no scores or no such
            method, or two name the same method.
    """
    if len(entries) < 2:
        given = f"only one run is given ('{entries[0]}')" if entries else "no runs are given"
        raise UserError(
            "too-few-runs",
            f"{given}: a comparison needs two or more",
            "name two or more, each as RUN or RUN/METHOD",
        )
    chosen = [_choose(entry, tracked) for entry in entries]
    _require_different(chosen)
    return _labelled(chosen)


def _choose(entry: str, tracked: TrackedRuns) -> RunMethod:
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
    return RunMethod(entry, run, method, remarks, scores[scores["method"] == method])


def _read_scores(run: TrackedRun, tracked: TrackedRuns) -> pd.DataFrame:
    scores = tracked.read_scores(run)
    if scores is None:
        raise UserError(
            "run-without-scores",
            f"run {run} has no scores (artifact scores/scores.parquet)",
            "name a run of an evaluation, which scores methods",
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
    """Return the method, and remarks on how run and method were chosen."""
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


def _require_different(chosen: Sequence[RunMethod]) -> None:
    seen: dict[tuple[str, str], RunMethod] = {}
    for one in chosen:
        other = seen.setdefault((one.run.run_id, one.method), one)
        if other is not one:
            raise UserError(
                "run-given-twice",
                f"'{other.entry}' and '{one.entry}' both name {one.method} of run {one.run}",
                "name another run, or another method of it as RUN/METHOD",
            )


def _labelled(chosen: Sequence[RunMethod]) -> list[RunMethod]:
    """Label each by method, run name and method, or run id and method: the shortest unique one."""
    runs = {one.run.run_id: one.run for one in chosen}
    if len(runs) == 1:
        return [replace(one, label=one.method) for one in chosen]
    if len({run.name for run in runs.values()}) == len(runs):
        return [replace(one, label=f"{one.run.name}/{one.method}") for one in chosen]
    return [replace(one, label=f"{one.run.run_id[:SHORT_ID]}/{one.method}") for one in chosen]
