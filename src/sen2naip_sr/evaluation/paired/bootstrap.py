"""Confidence intervals of mean scores by a bootstrap over locations.

Chips with the same footprint are not independent. So locations are drawn with replacement, each
with all its chips (the cluster bootstrap), and the interval lies between percentiles of the draws'
means: Davison and Hinkley 1997, Bootstrap Methods and their Application.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sen2naip_sr.arrays import Array

_BLOCK = 2**22


@dataclass(frozen=True)
class Interval:
    """A mean and its confidence interval, in the unit of the scores.

    Args:
        mean: The mean over all finite scores; NaN where there is none.
        low: Lower end; NaN where there are fewer than two locations.
        high: Upper end; NaN where there are fewer than two locations.
    """

    mean: float
    low: float
    high: float


def mean_interval(
    values: ArrayLike,
    locations: ArrayLike,
    *,
    draws: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the mean score of the chips and its percentile interval.

    Each draw takes as many locations as there are, with replacement; the statistic is the mean over
    all chips of the drawn locations. Chips without a finite score are left out, and so are
    locations without any other chip.

    Args:
        values: One score per chip (N,).
        locations: The location of each chip (N,): names or numbers.
        draws: Number of draws.
        confidence: Share of the draws' means inside the interval, between 0 and 1.
        seed: Seed of the draws; equal inputs and seed give equal intervals.

    Returns:
        The mean and its interval. The ends are NaN for a single location.

    Raises:
        ValueError: If the shapes do not match or are not one-dimensional, if ``draws`` is below 1
            or ``confidence`` is not between 0 and 1.
    """
    scores, places = np.asarray(values, dtype=np.float64), np.asarray(locations)
    _check(scores, places, draws, confidence)
    finite = np.isfinite(scores)
    scores, places = scores[finite], places[finite]
    if scores.size == 0:
        return Interval(math.nan, math.nan, math.nan)
    _, index = np.unique(places, return_inverse=True)
    mean, counts = float(scores.mean()), np.bincount(index)
    if counts.size == 1:
        return Interval(mean, math.nan, math.nan)
    means = _resampled_means(np.bincount(index, weights=scores), counts, draws, seed)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(mean, float(low), float(high))


def paired_difference(  # noqa: PLR0913
    a: ArrayLike,
    b: ArrayLike,
    locations: ArrayLike,
    *,
    draws: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the mean of ``a - b`` over the chips and its interval; see `mean_interval`.

    Both methods are compared on the same chips, in the same order, which removes the differences
    between chips. A chip counts only if both scores, (N,) each, are finite.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"a and b must have one shape: got {first.shape} and {second.shape}")
    with np.errstate(invalid="ignore"):
        difference = first - second
    return mean_interval(difference, locations, draws=draws, confidence=confidence, seed=seed)


def _check(values: Array, locations: Array, draws: int, confidence: float) -> None:
    if values.ndim != 1 or values.shape != locations.shape:
        raise ValueError(
            f"values and locations must both be (N,): got {values.shape} and {locations.shape}"
        )
    if draws < 1:
        raise ValueError(f"draws must be 1 or more: got {draws}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1: got {confidence}")


def _resampled_means(sums: Array, counts: Array, draws: int, seed: int) -> Array:
    """Return the mean (draws,) over the chips of drawn locations, given sums and counts (L,)."""
    generator = np.random.default_rng(seed)
    means = np.empty(draws)
    # In blocks, so that tens of thousands of locations do not fill the memory.
    rows = max(1, _BLOCK // sums.size)
    for start in range(0, draws, rows):
        block = means[start : start + rows]
        drawn = generator.integers(sums.size, size=(block.size, sums.size))
        block[:] = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return means
