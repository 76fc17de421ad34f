"""Gradient magnitude similarity deviation: Xue et al. 2014, https://arxiv.org/abs/1308.3052.

A structure measure that needs no weights: how unevenly the gradients of both images agree. Prewitt
gradients; mean of the bands. 0 for equal images. Windows with an invalid pixel do not count. NaN
below 8 pixels a side. Unlike the authors', the images are not halved first: that would take away
what a network for twice the resolution adds.
"""

import math
from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair, valid_windows

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST = 8
CONSTANT = 170 / 255**2
"""The authors' constant, which is for 8 bits, as a share of the squared data range."""


def _bands(pair: Pair) -> "Tensor":
    import torch
    from torch.nn import functional as F

    if min(pair.truth.shape[-2:]) < SMALLEST:
        return pair.truth.new_full(pair.truth.shape[:1], math.nan)
    images = torch.stack((pair.prediction, pair.truth))
    step = images.new_tensor([1.0, 0.0, -1.0]) / 3
    across = step.expand(3, 3)[None, None]
    kernels = torch.cat((across, across.transpose(-1, -2)))
    count, bands, height, width = images.shape
    gradients = F.conv2d(images.reshape(-1, 1, height, width), kernels)
    both = gradients.square().sum(dim=1).sqrt().view(count, bands, height - 2, width - 2)
    constant = CONSTANT * pair.data_range**2
    similarity = (2 * both[0] * both[1] + constant) / (both.square().sum(dim=0) + constant)
    if pair.valid is None:
        return similarity.flatten(1).std(dim=1, unbiased=False)
    whole = valid_windows(pair.valid, 3)
    assert whole is not None
    return torch.stack(
        [
            values[counts].std(unbiased=False) if counts.any() else values.new_full((), math.nan)
            for values, counts in zip(similarity, whole, strict=True)
        ]
    )


METRIC = Metric(
    key="gmsd",
    title="GMSD",
    higher_is_better=False,
    decimals=4,
    position=202,
    bands=_bands,
    optional=True,
)
