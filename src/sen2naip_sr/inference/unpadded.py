"""Networks that compute of a tile's halo only what is needed, layer by layer less.

Padded convolutions keep the size of their maps, so each layer computes the whole halo, of which
the next one needs a pixel less and the core nothing. Without padding maps shrink by what is not
needed: about half of the halo's cost is saved.
"""

import copy

from torch import nn


def without_padding(model: nn.Module) -> nn.Module | None:
    """Return a network of unpadded convolutions, which gives the middle of what ``model`` gives.

    Of an image of h x w it makes 2 (h - 2 r) x 2 (w - 2 r) pixels, r being the receptive field,
    or a few pixels more.

    Args:
        model: Is not changed.

    Returns:
        A copy; None where the model is not ``shrinkable``.
    """
    if not getattr(model, "shrinkable", False):
        return None
    shrinking = copy.deepcopy(model)
    for layer in shrinking.modules():
        if isinstance(layer, nn.Conv2d):
            layer.padding = (0, 0)
    return shrinking
