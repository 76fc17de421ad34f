"""What a comparison's numbers support, in words."""

import math
from dataclasses import dataclass

from sen2naip_sr.evaluation.measures import Measure
from sen2naip_sr.metrics.bootstrap import Interval

NO_DIFFERENCE = "no difference shown"
UNKNOWN = "cannot be told"


@dataclass(frozen=True)
class Evidence:
    """What is known of the difference ``a - b``.

    Attributes:
        difference: Its mean and interval.
        p_holm: The p-value, adjusted for all comparisons; NaN where there is none.
        locations: On how many locations it rests.
        smallest_p: The smallest p-value, not adjusted, that so many locations can give.
        comparisons: For how many p-values are adjusted.
    """

    difference: Interval
    p_holm: float
    locations: int
    smallest_p: float
    comparisons: int = 1


def give_verdict(a: str, b: str, measure: Measure, evidence: Evidence, alpha: float) -> str:
    """Return whether one is better, in words that the evidence supports.

    A difference counts as shown if the adjusted p-value is below ``alpha`` and the interval
    excludes zero. Where no result could have shown one, it says so instead.

    Args:
        a: One side's name.
        b: The other's.
        measure: What is compared.
        evidence: On the difference ``a - b``.
        alpha: The level of the test.
    """
    if evidence.locations < 2:
        why = ("no chip has a value for both", "all chips lie in one location")
        return f"{UNKNOWN}: {why[evidence.locations]}"
    smallest = min(evidence.comparisons * evidence.smallest_p, 1)
    if smallest >= alpha:
        several = f" and {evidence.comparisons} comparisons" if evidence.comparisons > 1 else ""
        return (
            f"{UNKNOWN}: with {evidence.locations} locations{several} p cannot be below "
            f"{smallest:.2g}"
        )
    mean, low, high = evidence.difference.mean, evidence.difference.low, evidence.difference.high
    excludes_zero = not math.isnan(low) and (low > 0 or high < 0)
    if evidence.p_holm >= alpha or not excludes_zero:
        return NO_DIFFERENCE
    better = a if (mean > 0) == measure.higher_is_better else b
    ends = (low, high) if mean > 0 else (-high, -low)
    return f"{better} is better by {measure.amount(abs(mean), *ends)}"
