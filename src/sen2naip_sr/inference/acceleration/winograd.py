"""Faster convolutions of single images, on processors that gain from them.

3 x 3: Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural Networks",
https://arxiv.org/abs/1509.09308. A tile of 6 x 6 outputs takes 8 x 8 multiplications instead of
324, and some additions before and after. NNPACK, which is part of torch for x86-64 and ARM,
computes single images this way in float32. It differs from torch by about a millionth.

1 x 1: a matrix product, which reads the image as it lies in memory. Torch reorders the image for
another library, or does the same more slowly, depending on its number of threads.
"""

import copy

import torch
from torch import Tensor, nn

from sen2naip_sr.inference.internals import nnpack_convolution
from sen2naip_sr.models.quantisation import QuantisableConv2d

FEWEST_INPUTS, FEWEST_OUTPUTS = 16, 32
"""With fewer channels, the transforms cost more than the saved multiplications."""


class WinogradConv2d(nn.Module):
    """Computes what a 3 x 3 `nn.Conv2d` computes, for one image.

    Args:
        convolution: Dense, of stride 1, padded by a pixel of zeros; the weights are shared.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias

    def forward(self, features: Tensor) -> Tensor:
        """Map (1, inputs, h, w), float32, to (1, outputs, h, w)."""
        return nnpack_convolution(features, self.weight, self.bias)


class PointwiseConv2d(nn.Module):
    """Computes what a 1 x 1 `nn.Conv2d` computes, for one image.

    Args:
        convolution: Dense, of stride 1, not padded; the weights are shared.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias

    def forward(self, features: Tensor) -> Tensor:
        """Map (1, inputs, h, w) to (1, outputs, h, w)."""
        weight, pixels = self.weight.flatten(1), features[0].flatten(1)
        if self.bias is None:
            mixed = weight @ pixels
        else:
            mixed = torch.addmm(self.bias[:, None], weight, pixels)
        return mixed.view(1, -1, *features.shape[2:])


def quicker_layer(layer: nn.Module) -> nn.Module | None:
    """Return a faster layer with the same result for one image; None if there is none."""
    if not isinstance(layer, nn.Conv2d) or layer.padding_mode != "zeros":
        return None
    if type(layer) not in (nn.Conv2d, QuantisableConv2d):
        return None
    if (layer.stride, layer.dilation, layer.groups) != ((1, 1), (1, 1), 1):
        return None
    if layer.kernel_size == (1, 1) and layer.padding in ((0, 0), "same", "valid"):
        return PointwiseConv2d(layer)
    enough = layer.in_channels >= FEWEST_INPUTS and layer.out_channels >= FEWEST_OUTPUTS
    if enough and layer.kernel_size == (3, 3) and layer.padding in ((1, 1), "same"):
        return WinogradConv2d(layer)
    return None


def with_winograd(model: nn.Module) -> nn.Module:
    """Return a copy of a network (on the CPU, in float32) with quicker layers where there are any.

    Layers that are used twice are replaced twice.
    """
    model = copy.deepcopy(model)
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if quicker := quicker_layer(layer):
                setattr(parent, name, quicker)
    return model
