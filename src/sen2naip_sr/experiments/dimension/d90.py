"""The smallest subspace that reaches a share of the whole network's gain."""

import math
from collections.abc import Mapping
from itertools import pairwise

from sen2naip_sr.errors import UserError

SHARE = 0.9
"""The share of Li et al. 2018, https://arxiv.org/abs/1804.08838, section 2."""


def d90(gains: Mapping[int, float], full: float, share: float = SHARE) -> int | None:
    """Return the smallest dimension in which a network reaches 90 % of its gain.

    Between measured dimensions the gain is interpolated linearly in the logarithm of the dimension.
    The result is where the gain first passes the threshold. If the smallest measured dimension
    passes it already, that one is returned, as an upper bound. NaN counts as no gain.

    Args:
        gains: Gain over bicubic in dB by the subspace's dimension, in any order.
        full: Gain of the same network trained with all its weights, dB.
        share: The share to be reached, above 0.

    Returns:
        The dimension, rounded up; None if no measured dimension reaches the share.

    Raises:
        UserError: If there are no gains, a dimension is below 1, or the full gain is not
            positive.
    """
    if not gains or min(gains) < 1:
        raise UserError(
            "no-dimensions",
            f"the gains of subspaces of the dimensions {sorted(gains)} give no intrinsic dimension",
            "measure at least one dimension, all of them 1 or more",
        )
    if not full > 0:
        raise UserError(
            "no-gain",
            f"the network trained with all its weights gains {full:.3f} dB over bicubic: "
            "there is no gain to reach a share of",
            "train it longer",
        )
    goal = share * full
    measured = sorted(gains.items())
    if measured[0][1] >= goal:
        return measured[0][0]
    for below, above in pairwise(measured):
        if above[1] >= goal:
            return _between(below, above, goal)
    return None


def _between(below: tuple[int, float], above: tuple[int, float], goal: float) -> int:
    """Return where the line through two dimensions and their gains reaches the goal."""
    if math.isnan(below[1]):
        return above[0]
    part = (goal - below[1]) / (above[1] - below[1])
    exact = below[0] * (above[0] / below[0]) ** part
    # do not round up where the logarithms miss an integer by rounding alone
    return math.ceil(exact - 1e-9 * exact)
