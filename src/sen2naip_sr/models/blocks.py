"""Layers that several architectures share."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions around a skip connection, with a ReLU after the sum.

    Reaches 2 pixels to each side.

    Args:
        channels: Feature maps in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, h, w) to the same shape."""
        return F.relu(
            self.second(F.relu(self.first(features), inplace=True)) + features, inplace=True
        )


class SubPixelUpsampler(nn.Module):
    """3 x 3 convolution, ReLU and pixel shuffle: twice the height and width.

    Shi et al. 2016, "Real-Time Single Image and Video Super-Resolution Using an Efficient
    Sub-Pixel Convolutional Neural Network", https://arxiv.org/abs/1609.05158; initialised by
    `icnr_`. Reaches 1 low-resolution pixel to each side.

    Args:
        channels: Feature maps in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, 4 * channels, 3, padding=1)
        icnr_(self.convolution, scale=2)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, h, w) to (B, channels, 2h, 2w)."""
        return F.pixel_shuffle(F.relu(self.convolution(features), inplace=True), 2)


@torch.no_grad()
def icnr_(convolution: nn.Conv2d, scale: int) -> None:
    """Make a convolution before a pixel shuffle start as one before a nearest-neighbour resize.

    Aitken et al. 2017, "Checkerboard artifact free sub-pixel convolution",
    https://arxiv.org/abs/1707.02937: the kernels (and here the biases too) of the ``scale ** 2``
    sub-pixels of one output channel begin equal, so that no checkerboard is there to unlearn.

    Args:
        convolution: Its output channels are a multiple of ``scale ** 2``; changed in place.
        scale: The factor of the pixel shuffle that follows.
    """
    copies = scale**2
    for values in (convolution.weight, convolution.bias):
        if values is not None:
            values.copy_(values[::copies].repeat_interleave(copies, dim=0))
