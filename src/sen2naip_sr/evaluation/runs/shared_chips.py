"""The chips on which runs can be compared: those that all of them scored, of the same data."""

from collections.abc import Sequence
from functools import reduce

import pandas as pd

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.runs.contestants import Contestant

MUST_AGREE = {
    "data_hash": ("the chips themselves", "scores of different imagery say nothing of the methods"),
    "recipe": ("how LR was made", "scores of different recipes are never compared"),
}
"""Tags of a run: what they tell, and why they have to be equal."""


def require_same_data(contestants: Sequence[Contestant]) -> None:
    """Check that all were scored on the same chips' data.

    Raises:
        UserError: If the tags of two runs differ, or one lacks them; names both and the difference.
    """
    first = contestants[0].run
    for tag, (meaning, why) in MUST_AGREE.items():
        for run in (one.run for one in contestants[1:]):
            ours, theirs = first.tags.get(tag), run.tags.get(tag)
            if run.run_id != first.run_id and (ours is None or ours != theirs):
                raise UserError(
                    "runs-differ",
                    f"runs {first} and {run} differ in {tag} ({meaning}): "
                    f"{ours or 'none recorded'} and {theirs or 'none recorded'}",
                    f"compare runs that agree in it: {why}",
                )


def common_scores(contestants: Sequence[Contestant], metric: str) -> pd.DataFrame:
    """Return the scores of all on the chips that all have.

    Args:
        contestants: Two or more, of the same data.
        metric: The column that is compared.

    Returns:
        A row a contestant and chip: columns label, chip, place, location, value.

    Raises:
        UserError: If the metric is no column of the scores, a chip was scored twice, or there is no
            common chip.
    """
    for one in contestants:
        if metric not in one.scores:
            raise UserError(
                "metric-not-scored",
                f"the scores of run {one.run} have no column '{metric}'",
                "choose another metric, or score that run again",
            )
        if one.scores["chip"].duplicated().any():
            raise UserError(
                "chip-scored-twice",
                f"run {one.run} scores a chip of {one.method} more than once",
                "compare runs with one score a chip and method",
            )
    chips = reduce(set.intersection, (set(one.scores["chip"]) for one in contestants))
    if not chips:
        raise UserError(
            "no-shared-chips",
            f"{', '.join(one.label for one in contestants)} have no test chip in common "
            f"({_splits(contestants)})",
            "compare runs with the same splits, or score more chips",
        )
    # where a chip lies is a property of the data, which is the same for all
    where = contestants[0].scores.set_index("chip")[["place", "location"]]
    tables = []
    for one in contestants:
        table = one.scores.loc[one.scores["chip"].isin(chips), ["chip", metric]]
        table = table.rename(columns={metric: "value"}).sort_values("chip")
        table.insert(0, "label", one.label)
        tables.append(table.join(where, on="chip", validate="many_to_one"))
    columns = ["label", "chip", "place", "location", "value"]
    return pd.concat(tables, ignore_index=True)[columns]


def describe_contestants(
    contestants: Sequence[Contestant], scores: pd.DataFrame, metric: str
) -> pd.DataFrame:
    """Return a row a contestant.

    Args:
        contestants: In the order of the entries.
        scores: From `common_scores`.
        metric: The column that is compared.

    Returns:
        Columns label, entry, run_id, run, method, remark, chips (that it was scored on),
        chips_compared, the metric's mean over these, and the run's tags data_source, recipe and
        split_hash.
    """
    compared = scores.groupby("label")["value"]
    return pd.DataFrame(
        {
            "label": one.label,
            "entry": one.entry,
            "run_id": one.run.run_id,
            "run": one.run.name,
            "method": one.method,
            "remark": one.remark,
            "chips": len(one.scores),
            "chips_compared": int(compared.size()[one.label]),
            metric: float(compared.mean()[one.label]),
            **{tag: one.run.tags.get(tag, "") for tag in ("data_source", "recipe", "split_hash")},
        }
        for one in contestants
    )


def _splits(contestants: Sequence[Contestant]) -> str:
    hashes = {one.run.tags.get("split_hash", "none recorded") for one in contestants}
    return f"split_hash {' and '.join(sorted(hashes))}"
