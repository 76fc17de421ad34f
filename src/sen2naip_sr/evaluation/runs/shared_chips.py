"""Shared chips: the chips of the same data that all compared runs scored."""

from collections.abc import Sequence
from functools import reduce

import pandas as pd

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.runs.methods import RunMethod

MUST_AGREE = {
    "data_hash": ("the chips", "scores on different imagery do not compare methods"),
    "recipe": ("how LR was made", "scores with different recipes do not compare methods"),
}
"""Tags that have to be equal: what each says of the data, and why."""


def require_same_data(methods: Sequence[RunMethod]) -> None:
    """Check that all were scored on the same data.

    Raises:
        UserError: If the tags of two runs differ, or one has none.
    """
    first = methods[0].run
    for tag, (meaning, why) in MUST_AGREE.items():
        for run in (one.run for one in methods[1:]):
            ours, theirs = first.tags.get(tag), run.tags.get(tag)
            if run.run_id != first.run_id and (ours is None or ours != theirs):
                raise UserError(
                    "runs-differ",
                    f"runs {first} and {run} differ in {tag} ({meaning}): "
                    f"{ours or 'none recorded'} and {theirs or 'none recorded'}",
                    f"compare runs that agree in it: {why}",
                )


def shared_scores(methods: Sequence[RunMethod], metric: str) -> pd.DataFrame:
    """Return the scores of all methods, two or more of the same data, on the shared chips.

    Returns:
        One row for each method and chip: columns label, chip, place, location, value.

    Raises:
        UserError: If the metric is no column of the scores, a chip was scored twice, or there is no
            shared chip.
    """
    for one in methods:
        if metric not in one.scores:
            raise UserError(
                "metric-not-scored",
                f"the scores of run {one.run} have no column '{metric}'",
                "choose another metric, or evaluate again",
            )
        if one.scores["chip"].duplicated().any():
            raise UserError(
                "chip-scored-twice",
                f"run {one.run} scores a chip of {one.method} more than once",
                "compare runs that score each chip once for each method",
            )
    chips = reduce(set.intersection, (set(one.scores["chip"]) for one in methods))
    if not chips:
        splits = {one.run.tags.get("split_hash", "none recorded") for one in methods}
        raise UserError(
            "no-shared-chips",
            f"{', '.join(one.label for one in methods)} share no test chip "
            f"(split_hash {' and '.join(sorted(splits))})",
            "compare runs with the same splits, or evaluate more chips",
        )
    # where a chip lies is a property of the data, which is the same for all
    where = methods[0].scores.set_index("chip")[["place", "location"]]
    tables = []
    for one in methods:
        table = one.scores.loc[one.scores["chip"].isin(chips), ["chip", metric]]
        table = table.rename(columns={metric: "value"}).sort_values("chip")
        table.insert(0, "label", one.label)
        tables.append(table.join(where, on="chip", validate="many_to_one"))
    columns = ["label", "chip", "place", "location", "value"]
    return pd.concat(tables, ignore_index=True)[columns]


def describe_methods(
    methods: Sequence[RunMethod], scores: pd.DataFrame, metric: str
) -> pd.DataFrame:
    """Describe each method, in the order of the entries.

    Returns:
        One row for each method: columns label, entry, run_id, run, method, remark, chips (how
        many it was scored on), chips_compared, the metric's mean over these, and the run's tags
        data_source, recipe and split_hash.
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
        for one in methods
    )
