"""Whether A is better than B: paired differences of all pairs, each with interval and test."""

from itertools import combinations

import numpy as np
import pandas as pd

from sen2naip_sr.evaluation.measures import get_measure
from sen2naip_sr.evaluation.runs.parameters import ComparingParameters
from sen2naip_sr.evaluation.runs.verdict import Evidence, give_verdict
from sen2naip_sr.metrics.bootstrap import Interval, mean_interval
from sen2naip_sr.metrics.holm import holm_adjusted
from sen2naip_sr.metrics.permutation import sign_flip_p_value, smallest_p_value


def paired_differences(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the differences of all pairs, chip by chip.

    Args:
        scores: From `sen2naip_sr.evaluation.runs.shared_chips.common_scores`.

    Returns:
        A row a pair and chip on which both have a finite value: columns a, b, chip, place,
        location, difference (``a - b``). Pairs stand in the order of the labels.
    """
    where = scores.drop_duplicates("chip").set_index("chip")[["place", "location"]]
    values = scores.pivot(index="chip", columns="label", values="value")
    tables = []
    for a, b in combinations(scores["label"].unique(), 2):
        difference = (values[a] - values[b]).replace([np.inf, -np.inf], np.nan).dropna()
        table = where.loc[difference.index].assign(difference=difference).reset_index()
        table.insert(0, "a", a)
        table.insert(1, "b", b)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def compare_pairs(scores: pd.DataFrame, parameters: ComparingParameters) -> pd.DataFrame:
    """Compare all pairs.

    Args:
        scores: From `sen2naip_sr.evaluation.runs.shared_chips.common_scores`.
        parameters: Which metric, how many draws, and the level of the test.

    Returns:
        A row a pair: a, b, chips, locations, difference (mean of ``a - b``), low, high (its
        interval of confidence 1 - alpha), p (two-sided), p_holm, verdict. What has no value is NaN.
    """
    differences = paired_differences(scores)
    pairs = list(combinations(scores["label"].unique(), 2))
    rows = [
        _compare(a, b, differences[(differences["a"] == a) & (differences["b"] == b)], parameters)
        for a, b in pairs
    ]
    table = pd.DataFrame(rows)
    table["p_holm"] = holm_adjusted(table["p"])
    table["verdict"] = _verdicts(table, parameters)
    return table


def compare_at_places(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean difference of all pairs at every place.

    Places differ more than chips do: a mean over all may hide that one place decides.

    Args:
        scores: From `sen2naip_sr.evaluation.runs.shared_chips.common_scores`.

    Returns:
        A row a pair and place: a, b, place, chips, locations, mean_a, mean_b, difference.
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


def _compare(
    a: str, b: str, differences: pd.DataFrame, parameters: ComparingParameters
) -> dict[str, object]:
    values, locations = differences["difference"].to_numpy(), differences["location"].to_numpy()
    interval = mean_interval(
        values,
        locations,
        draws=parameters.bootstrap_draws,
        confidence=1 - parameters.alpha,
        seed=parameters.seed,
    )
    p_value = sign_flip_p_value(
        values, locations, permutations=parameters.permutations, seed=parameters.seed
    )
    return {
        "a": a,
        "b": b,
        "chips": len(values),
        "locations": differences["location"].nunique(),
        "difference": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "p": p_value,
    }


def _verdicts(table: pd.DataFrame, parameters: ComparingParameters) -> list[str]:
    measure = get_measure(parameters.metric)
    tested = int(table["p"].notna().sum())
    verdicts = []
    for row in table.to_dict("records"):
        evidence = Evidence(
            Interval(row["difference"], row["low"], row["high"]),
            row["p_holm"],
            row["locations"],
            smallest_p_value(row["locations"], parameters.permutations),
            tested,
        )
        verdicts.append(give_verdict(row["a"], row["b"], measure, evidence, parameters.alpha))
    return verdicts
