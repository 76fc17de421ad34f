"""Networks without padding, which compute only the needed part of a tile's halo.

Padded convolutions keep the size of their feature maps, so each layer computes the whole halo,
although the next layer needs a pixel less of it. Without padding, maps shrink by the part that is
not needed. That saves about half of the cost of the halo.
"""

import copy

from torch import nn


def without_padding(model: nn.Module) -> nn.Module | None:
    """Return a copy of a network with unpadded convolutions; None if it is not ``shrinkable``.

    The copy gives the middle of the result: from an image of h x w it makes 2 (h - 2 r) x
    2 (w - 2 r) pixels or a few more, where r is the receptive field.
    """
    if not getattr(model, "shrinkable", False):
        return None
    shrinking = copy.deepcopy(model)
    for layer in shrinking.modules():
        if isinstance(layer, nn.Conv2d):
            layer.padding = (0, 0)
    return shrinking
