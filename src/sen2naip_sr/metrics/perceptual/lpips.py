"""Learned perceptual image patch similarity: Zhang et al. 2018, https://arxiv.org/abs/1801.03924.

With AlexNet's features, of red, green and blue, scaled to -1 to 1; version 0.1 of the weights. The
features of both images are normalised over the channels; the squared differences are weighted by
the published heads and averaged. It was learnt on photographs: what it says of imagery from above
is not validated. NaN without its weights, with fewer than three bands, and below 64 pixels a side.
"""

import math
from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair
from sen2naip_sr.metrics.perceptual.views import TRUE_COLOUR, view

if TYPE_CHECKING:
    from torch import Tensor

NEEDS = "alexnet"
SMALLEST = 64
_MEAN, _STD = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_EPSILON = 1e-10


def _joint(pair: Pair, bands: "Tensor | None") -> "Tensor":
    known = pair.extractors.get(NEEDS)
    images = view(pair, TRUE_COLOUR)
    if known is None or images is None or min(images.shape[-2:]) < SMALLEST:
        return pair.truth.new_full((), math.nan)
    mean, std = (images.new_tensor(each).view(3, 1, 1) for each in (_MEAN, _STD))
    layers, heads = known((2 * images - 1 - mean) / std)
    total = images.new_zeros(())
    for maps, head in zip(layers, heads, strict=True):
        normed = maps / (maps.square().sum(dim=1, keepdim=True).sqrt() + _EPSILON)
        difference = (normed[0] - normed[1]).square()
        total = total + (difference * head.view(-1, 1, 1)).sum(dim=0).mean()
    return total.to(pair.truth)


METRIC = Metric(
    key="lpips",
    title="LPIPS (AlexNet, RGB)",
    higher_is_better=False,
    decimals=4,
    position=200,
    joint=_joint,
    optional=True,
    needs=NEEDS,
)
