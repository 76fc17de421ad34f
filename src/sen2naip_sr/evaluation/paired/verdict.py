"""What the numbers of a paired comparison support, in words."""

import math
from collections.abc import Mapping
from typing import Any

from sen2naip_sr.metrics.metric import Metric

NO_DIFFERENCE = "no difference shown"
UNKNOWN = "cannot be told"


def give_verdict(
    pair: Mapping[Any, Any], metric: Metric, *, smallest_p: float, comparisons: int, alpha: float
) -> str:
    """Say which of two methods is better, in words that the numbers support.

    A difference counts as shown if the adjusted p-value is below ``alpha`` and the interval
    excludes zero. Where no result could have shown one, the verdict says so instead.

    Args:
        pair: A row of `sen2naip_sr.evaluation.paired.comparison.compare_pairs`: a and b (names),
            locations, difference (mean of ``a - b``), low, high and p_holm.
        metric: What is compared.
        smallest_p: The smallest p-value, not adjusted, that so many locations can give.
        comparisons: The number of comparisons that p_holm is adjusted for.
        alpha: The level of the test.
    """
    if pair["locations"] < 2:
        why = ("no chip has a value for both", "all chips lie in one location")
        return f"{UNKNOWN}: {why[pair['locations']]}"
    smallest = min(comparisons * smallest_p, 1)
    if smallest >= alpha:
        several = f" and {comparisons} comparisons" if comparisons > 1 else ""
        return (
            f"{UNKNOWN}: with {pair['locations']} locations{several} p cannot be below "
            f"{smallest:.2g}"
        )
    mean, low, high = pair["difference"], pair["low"], pair["high"]
    excludes_zero = not math.isnan(low) and (low > 0 or high < 0)
    if pair["p_holm"] >= alpha or not excludes_zero:
        return NO_DIFFERENCE
    better = pair["a"] if (mean > 0) == metric.higher_is_better else pair["b"]
    ends = (low, high) if mean > 0 else (-high, -low)
    return f"{better} is better by {metric.amount(abs(mean), *ends)}"


def is_shown(verdict: str) -> bool:
    """Return whether a verdict says that one of the two is better."""
    return not verdict.startswith((NO_DIFFERENCE, UNKNOWN))


def describe_pair(pair: Mapping[Any, Any], metric: Metric) -> str:
    """Return the verdict of a row of `compare_pairs` with the numbers behind it."""
    verdict = pair["verdict"]
    if verdict.startswith(UNKNOWN):
        return str(verdict)
    numbers = f"p = {pair['p_holm']:.2g}"
    if verdict == NO_DIFFERENCE:
        numbers = f"{metric.amount(pair['difference'], pair['low'], pair['high'])}, {numbers}"
    return f"{verdict} ({numbers})"
