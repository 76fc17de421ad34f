"""Holm's correction of p-values for several comparisons.

Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure: the chance of even one false
finding among all comparisons stays below the level, whatever their dependence.
"""

import numpy as np
from numpy.typing import ArrayLike

from sen2naip_sr.arrays import Array


def holm_adjusted(p_values: ArrayLike) -> Array:
    """Return adjusted p-values, to be compared with the level for all comparisons together.

    The smallest of m is multiplied by m, the next by m - 1, and so on. Then each is raised to the
    one before it, if that is larger, and cut at 1.

    Args:
        p_values: Those of all comparisons (m,), in [0, 1] or NaN.

    Returns:
        The adjusted ones (m,) in the same order; NaN stays NaN and does not count in m.

    Raises:
        ValueError: If the p-values are not one-dimensional or not in [0, 1].
    """
    given = np.asarray(p_values, dtype=np.float64)
    if given.ndim != 1:
        raise ValueError(f"p-values must be (m,): got {given.shape}")
    known = np.flatnonzero(~np.isnan(given))
    if ((given[known] < 0) | (given[known] > 1)).any():
        raise ValueError(f"p-values must lie in [0, 1]: got {given}")
    order = known[np.argsort(given[known], kind="stable")]
    factors = np.arange(order.size, 0, -1)
    adjusted = np.full(given.shape, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(given[order] * factors), 1)
    return adjusted
