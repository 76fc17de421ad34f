"""Which width of the blur a network is best told, when the true one is uncertain."""

import torch
from torch import Tensor

from sen2naip_sr.inference.estimation.regressor import LEVELS, WIDTHS, shipped_regressor

_AVERSION = 1.5
"""Above 1, a large loss counts more than several small ones."""


def least_risky_widths(shares: Tensor, noise: float) -> tuple[float, float] | None:
    """Return the widths down the columns and along the rows; None if nothing is told best.

    Telling a width that is too small or too large costs unequally much: beside the truth there may
    be a width that a network was trained to answer with another kernel. The expected loss is that
    of a network on training chips.

    Args:
        shares: (2, widths), the probability of each of `WIDTHS` on both axes.
        noise: Mean standard deviation of the noise in digital numbers of 8 bits.
    """
    losses = _at(shipped_regressor().losses, noise)
    expected = shares @ losses**_AVERSION
    if float(expected[:, -1].sum()) < float(expected[:, :-1].min(-1).values.sum()):
        return None
    vertical, horizontal = expected[:, :-1].argmin(-1).tolist()
    return WIDTHS[vertical], WIDTHS[horizontal]


def _at(losses: Tensor, noise: float) -> Tensor:
    """Return the losses at a noise, interpolated: (widths, told widths and nothing)."""
    known = torch.tensor(LEVELS)
    position = torch.searchsorted(known, torch.tensor(noise)).clamp(1, len(LEVELS) - 1)
    below, above = known[position - 1], known[position]
    share = ((noise - below) / (above - below)).clamp(0, 1)
    return losses[position - 1] * (1 - share) + losses[position] * share
