"""A permutation test of paired differences, with flips by location.

If two methods are equally good, either could have had the other's score: the sign of a difference
is arbitrary (Fisher 1935, The Design of Experiments). Chips with the same footprint are not
independent, so all chips of a location flip together. With all flips enumerated the p-value is
exact; with random ones it is that of Phipson and Smyth 2010, Permutation P-values Should Never Be
Zero, which counts the observed signs as one of the draws.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from sen2naip_sr.arrays import Array

_BLOCK = 2**22

_TOLERANCE = 1e-9
"""Relative to the largest possible sum: sums that differ only by rounding count as equal."""


def sign_flip_p_value(
    differences: ArrayLike, locations: ArrayLike, *, permutations: int = 10_000, seed: int = 0
) -> float:
    """Return the two-sided p-value of the mean difference being zero.

    The statistic is the absolute mean over all chips. Chips without a finite difference are left
    out, and so are locations without any other chip.

    Args:
        differences: One difference per chip (N,).
        locations: The location of each chip (N,): names or numbers.
        permutations: Up to so many sign patterns are enumerated, which makes the p-value exact.
            If there are more, so many are drawn.
        seed: Seed of the drawn patterns; unused if all are enumerated.

    Returns:
        The p-value, above 0 and at most 1; NaN for fewer than two locations.

    Raises:
        ValueError: If the shapes do not match or are not one-dimensional, or if ``permutations``
            is below 1.
    """
    values, places = np.asarray(differences, dtype=np.float64), np.asarray(locations)
    if values.ndim != 1 or values.shape != places.shape:
        raise ValueError(
            f"differences and locations must both be (N,): got {values.shape} and {places.shape}"
        )
    if permutations < 1:
        raise ValueError(f"permutations must be 1 or more: got {permutations}")
    finite = np.isfinite(values)
    _, index = np.unique(places[finite], return_inverse=True)
    sums = np.bincount(index, weights=values[finite])
    if sums.size < 2:
        return math.nan
    if _is_enumerated(sums.size, permutations):
        return _count_all(sums) / 2 ** (sums.size - 1)
    return (_count_drawn(sums, permutations, seed) + 1) / (permutations + 1)


def smallest_p_value(locations: int, permutations: int) -> float:
    """Return the smallest p-value that `sign_flip_p_value` can give.

    It is 2 / 2^locations where all patterns are enumerated, else 1 / (permutations + 1); NaN for
    fewer than two locations.
    """
    if locations < 2:
        return math.nan
    exact = _is_enumerated(locations, permutations)
    return 2.0 ** (1 - locations) if exact else 1 / (permutations + 1)


def _is_enumerated(locations: int, permutations: int) -> bool:
    return locations <= math.log2(permutations)


def _count_all(sums: Array) -> int:
    """Count the patterns with a sum as far from zero as the observed one, among half of them."""
    # a pattern and its opposite have equal absolute sums: the first sign stays
    patterns = 2 ** (sums.size - 1)
    rows = max(1, _BLOCK // sums.size)
    count = 0
    for start in range(0, patterns, rows):
        numbers = np.arange(start, min(start + rows, patterns))
        flips = (numbers[:, None] >> np.arange(sums.size - 1)) & 1
        signs = np.column_stack([np.ones(numbers.size), 1 - 2 * flips])
        count += _count_extreme(signs, sums)
    return count


def _count_drawn(sums: Array, permutations: int, seed: int) -> int:
    generator = np.random.default_rng(seed)
    rows = max(1, _BLOCK // sums.size)
    count = 0
    for start in range(0, permutations, rows):
        shape = (min(rows, permutations - start), sums.size)
        count += _count_extreme(1 - 2.0 * generator.integers(2, size=shape), sums)
    return count


def _count_extreme(signs: Array, sums: Array) -> int:
    observed = abs(sums.sum()) - _TOLERANCE * np.abs(sums).sum()
    return int((np.abs(signs @ sums) >= observed).sum())
