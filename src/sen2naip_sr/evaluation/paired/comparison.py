"""The paired comparison of methods: differences chip by chip, each pair with interval and test."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sen2naip_sr.evaluation.paired.bootstrap import mean_interval
from sen2naip_sr.evaluation.paired.holm import holm_adjusted
from sen2naip_sr.evaluation.paired.permutation import sign_flip_p_value, smallest_p_value
from sen2naip_sr.evaluation.paired.resampling import Resampling
from sen2naip_sr.evaluation.paired.verdict import give_verdict
from sen2naip_sr.metrics.metric import Metric

Pair = tuple[str, str]


def paired_differences(values: pd.DataFrame, pairs: Sequence[Pair]) -> pd.DataFrame:
    """Return the differences of pairs of methods, chip by chip.

    There is a row of values for each chip, and a column for each method.

    Returns:
        One row for each pair and chip on which both have a finite value: columns a, b, the index
        of ``values``, and difference (``a - b``). Pairs keep their order.
    """
    tables = []
    for a, b in pairs:
        difference = (values[a] - values[b]).replace([np.inf, -np.inf], np.nan).dropna()
        table = difference.rename("difference").reset_index()
        table.insert(0, "a", a)
        table.insert(1, "b", b)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def compare_pairs(
    values: pd.DataFrame,
    locations: pd.Series,
    pairs: Sequence[Pair],
    metric: Metric,
    resampling: Resampling,
) -> pd.DataFrame:
    """Compare pairs of methods on the same chips; p-values are adjusted for all pairs (Holm).

    The values are the metric's: one row for each chip, one column for each method. Locations have
    the same order.

    Returns:
        One row for each pair: a, b, chips, locations, difference (mean of ``a - b``), low, high
        (its interval of confidence 1 - alpha), p (two-sided), p_holm, verdict. A number that is
        not defined is NaN.
    """
    rows = [_compare(values, locations, pair, resampling) for pair in pairs]
    columns = ["a", "b", "chips", "locations", "difference", "low", "high", "p"]
    table = pd.DataFrame(rows, columns=columns)
    table["p_holm"] = holm_adjusted(table["p"].astype(float))
    tested = int(table["p"].notna().sum())
    table["verdict"] = [
        give_verdict(
            row,
            metric,
            smallest_p=smallest_p_value(row["locations"], resampling.permutations),
            comparisons=tested,
            alpha=resampling.alpha,
        )
        for row in table.to_dict("records")
    ]
    return table


def _compare(
    values: pd.DataFrame, locations: pd.Series, pair: Pair, resampling: Resampling
) -> tuple[object, ...]:
    a, b = pair
    difference = (values[a] - values[b]).to_numpy(dtype=float)
    finite = np.isfinite(difference)
    difference, where = difference[finite], locations.to_numpy()[finite]
    interval = mean_interval(
        difference,
        where,
        draws=resampling.draws,
        confidence=1 - resampling.alpha,
        seed=resampling.seed,
    )
    p_value = sign_flip_p_value(
        difference, where, permutations=resampling.permutations, seed=resampling.seed
    )
    count = len(np.unique(where))
    return a, b, len(difference), count, interval.mean, interval.low, interval.high, p_value
