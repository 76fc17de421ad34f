"""A sanity check of attribution maps: other weights must give another map.

Adebayo et al. 2018, "Sanity Checks for Saliency Maps", https://arxiv.org/abs/1810.03292: if a map
hardly changes when the weights are random, it shows the image and the architecture and not what was
learnt. Every weight tensor is shuffled, which keeps its mean and spread. The measure is the rank
correlation of the signed attributions, as in section 3 there. That of their absolute values is
given too, but tells little here: every map fades with the distance from the window, since few
paths lead from there, and every attribution has the difference between the image and its blurred
version as a factor.
"""

import copy

import numpy as np
import torch
from torch import Tensor, nn

from sen2naip_sr.arrays import Array


@torch.no_grad()
def with_random_weights(network: nn.Module, seed: int) -> nn.Module:
    """Return a copy of a network whose weights are shuffled, each tensor by itself."""
    shuffled = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(seed)
    for values in shuffled.parameters():
        order = torch.randperm(values.numel(), generator=generator)
        values.copy_(values.flatten()[order].view_as(values))
    return shuffled


def rank_correlation(first: Tensor | Array, second: Tensor | Array) -> float:
    """Return Spearman's rank correlation of two arrays of one shape; NaN if one is constant."""
    from scipy.stats import rankdata

    ranks = [rankdata(np.asarray(each, np.float64).ravel()) for each in (first, second)]
    if any(np.ptp(each) == 0 for each in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])
