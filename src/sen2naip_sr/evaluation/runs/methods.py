"""The methods that are compared: the run and method that each entry names, and their scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.columns import ALL_BANDS
from sen2naip_sr.evaluation.own import is_of, own_method
from sen2naip_sr.evaluation.runs.tracked import (
    SCORED_IN,
    SHORT_ID,
    TrackedRun,
    TrackedRuns,
    find_run,
    unknown_run,
)

SHIPPED = "shipped"
"""How the origin of shipped weights begins; see `sen2naip_sr.evaluation.seen.origin_of`."""
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
        given: Whether the text named the method.
        label: Its name in tables and figures.
    """

    entry: str
    run: TrackedRun
    method: str
    remark: str
    scores: pd.DataFrame
    given: bool = False
    label: str = ""

    @property
    def shipped(self) -> bool:
        """Whether it is a network with shipped weights."""
        return "origin" in self.scores and bool(
            self.scores["origin"].astype(str).str.startswith(SHIPPED).any()
        )


def choose_methods(entries: Sequence[str], tracked: TrackedRuns) -> list[RunMethod]:
    """Return the methods that the entries name, in their order.

    Args:
        entries: ``RUN`` or ``RUN/METHOD``. Without METHOD it is the run's only method, else the
            network that it trained, else the best trained one, by mean PSNR.
        tracked: All runs.

    Raises:
        UserError: If there are fewer than two entries, one is unknown, has no scores or no such
            method, or two name the same method, or the same shipped network without saying so.
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
    scores, where = _read_scores(run, tracked)
    chosen, why = _choose_method(run, method, scores)
    remark = "; ".join(filter(None, [remark, where, why]))
    own = scores[scores["method"] == chosen]
    return RunMethod(entry, run, chosen, remark, own, given=bool(method))


def _read_scores(run: TrackedRun, tracked: TrackedRuns) -> tuple[pd.DataFrame, str]:
    """Return a run's scores, and a remark if another run has them."""
    scores, remark = tracked.read_scores(run), ""
    if scores is None:
        for other in tracked.runs:
            if other.run_id == run.tags.get(SCORED_IN):
                scores, remark = tracked.read_scores(other), f"scored by run {other}"
    if scores is None:
        raise UserError(
            "run-without-scores",
            f"run {run} has no scores (artifact scores/scores.parquet)",
            "evaluate its weights on the test chips, or name a run that has scores",
        )
    missing = [name for name in NEEDED if name not in scores]
    if missing:
        raise UserError(
            "scores-incomplete",
            f"the scores of run {run} have no column {', '.join(missing)}",
            "name another run",
        )
    return scores[scores["band"] == ALL_BANDS], remark


def _choose_method(run: TrackedRun, method: str, scores: pd.DataFrame) -> tuple[str, str]:
    """Return the method, and a remark on how it was chosen."""
    names = sorted(scores["method"].unique())
    if method:
        if method not in names:
            raise UserError(
                "unknown-method",
                f"run {run} has no method '{method}'",
                f"name one of its own: {', '.join(names)}",
            )
        return method, ""
    if len(names) == 1:
        return names[0], ""
    if (own := _own(run, scores)) is not None:
        return own
    trained = scores[scores["trained"].astype(bool)]
    candidates, kind = (scores, "methods") if trained.empty else (trained, "trained methods")
    means = candidates.groupby("method")["psnr"].mean()
    if len(means) == 1:
        return str(means.index[0]), "its only trained method"
    return str(means.idxmax()), f"best of its {len(means)} {kind} by mean PSNR"


def _own(run: TrackedRun, scores: pd.DataFrame) -> tuple[str, str] | None:
    """Return the method that the run trained, or else one that was trained on its imagery."""
    ranked = scores.groupby("method")["psnr"].mean().sort_values(ascending=False)
    here = scores[scores["trained"].astype(bool)]
    if "origin" in scores:
        here = here[here["origin"].fillna("") == ""]
    else:  # of earlier versions: nothing tells the run's networks from others
        here = here.iloc[:0]
    found = own_method(ranked.index, [run.networks, here["method"].unique()])
    if found is None:
        return None
    several = here["method"].nunique() if not run.networks else len(run.networks)
    return found, f"best of its {several} own networks" if several > 1 else "its own network"


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
    shipped: dict[str, RunMethod] = {}
    for one in chosen:
        if one.given or not one.shipped:
            continue
        other = shipped.setdefault(one.method, one)
        if other is not one:
            raise UserError(
                "runs-trained-nothing",
                f"runs {other.run} and {one.run} have scores of no network that was trained here: "
                f"both would show the shipped {one.method}",
                "name runs of trainings, or methods as RUN/METHOD",
            )


def _labelled(chosen: Sequence[RunMethod]) -> list[RunMethod]:
    """Label each by method, run name and method, or run id and method: the shortest unique one."""
    runs = {one.run.run_id: one.run for one in chosen}
    if len(runs) == 1:
        return [replace(one, label=one.method) for one in chosen]
    if len({run.name for run in runs.values()}) == len(runs):
        labels = shortened([_label(one, chosen) for one in chosen])
        return [replace(one, label=label) for one, label in zip(chosen, labels, strict=True)]
    return [replace(one, label=f"{one.run.run_id[:SHORT_ID]}/{one.method}") for one in chosen]


def shortened(names: Sequence[str]) -> list[str]:
    """Return names without the words that all share, such as ``steps=60``, if they still differ."""
    words = [name.split(" ") for name in names]
    shared = set.intersection(*map(set, words)) & {word for own in words for word in own[1:]}
    short = [" ".join([own[0], *(w for w in own[1:] if w not in shared)]) for own in words]
    return short if len(set(short)) == len(set(names)) else list(names)


def _label(one: RunMethod, chosen: Sequence[RunMethod]) -> str:
    """Return the run's name where it stands for this method: its own network, compared once."""
    once = sum(other.run.run_id == one.run.run_id for other in chosen) == 1
    own = any(is_of(one.method, network) for network in one.run.networks)
    return one.run.name if once and own else f"{one.run.name}/{one.method}"
