"""All pairs of runs compared, over all chips and at every place."""

from itertools import combinations

import pandas as pd

from sen2naip_sr.evaluation.paired import comparison
from sen2naip_sr.evaluation.runs.parameters import ComparingParameters
from sen2naip_sr.metrics.catalogue import METRICS


def paired_differences(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the differences of all pairs, chip by chip.

    Args:
        scores: From `sen2naip_sr.evaluation.runs.shared_chips.shared_scores`.

    Returns:
        One row for each pair and chip on which both have a finite value: columns a, b, chip,
        place, location, difference (``a - b``). Pairs stand in the order of the labels.
    """
    found = comparison.paired_differences(_by_chip(scores), _pairs(scores))
    table = found.join(_places(scores), on="chip")
    return table[["a", "b", "chip", "place", "location", "difference"]]


def compare_pairs(scores: pd.DataFrame, parameters: ComparingParameters) -> pd.DataFrame:
    """Compare all pairs; see `sen2naip_sr.evaluation.paired.comparison.compare_pairs`."""
    values = _by_chip(scores)
    locations = _places(scores)["location"].loc[values.index]
    metric, pairs = METRICS[parameters.metric], _pairs(scores)
    return comparison.compare_pairs(values, locations, pairs, metric, parameters.resampling)


def compare_at_places(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean difference of all pairs at every place.

    Places differ more than chips do: a mean over all may hide that one place decides.

    Returns:
        One row for each pair and place: a, b, place, chips, locations, mean_a, mean_b, difference.
    """
    differences = paired_differences(scores)
    values = scores.set_index(["label", "chip"])["value"]
    for side in ("a", "b"):
        keys = pd.MultiIndex.from_frame(differences[[side, "chip"]])
        differences[f"mean_{side}"] = values.loc[keys].to_numpy()
    return differences.groupby(["a", "b", "place"], sort=False, as_index=False).agg(
        chips=("chip", "size"),
        locations=("location", "nunique"),
        mean_a=("mean_a", "mean"),
        mean_b=("mean_b", "mean"),
        difference=("difference", "mean"),
    )


def _pairs(scores: pd.DataFrame) -> list[comparison.Pair]:
    return list(combinations(scores["label"].unique(), 2))


def _by_chip(scores: pd.DataFrame) -> pd.DataFrame:
    return scores.pivot(index="chip", columns="label", values="value")


def _places(scores: pd.DataFrame) -> pd.DataFrame:
    return scores.drop_duplicates("chip").set_index("chip")[["place", "location"]]
