"""Numbers of 8 bits in place of floats: how weights and feature maps are rounded to them.

Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", https://arxiv.org/abs/1712.05877. What differs:

- the feature maps that blocks add to stay floats; only what a convolution reads is rounded;
- weights have 7 bits: two products of 8 bits each do not fit into the 16-bit sums of processors
  without VNNI instructions, and the same weights give the same result on every processor.

Gradients pass the rounding as if it were not there (Bengio et al. 2013,
https://arxiv.org/abs/1308.3432), so a network can be trained with it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WEIGHT_LEVELS = 63
"""Weights are rounded to multiples of a 63rd of the largest of their output channel."""
SIGNED_LEVELS, UNSIGNED_LEVELS = 127, 255
"""Feature maps are rounded to whole numbers from -128 to 127, or behind a ReLU from 0 to 255."""
_LEAST = 1e-8


def weight_steps(weight: Tensor) -> Tensor:
    """Return what a level of a convolution's weights stands for.

    Args:
        weight: (outputs, inputs, kh, kw).

    Returns:
        (outputs, 1, 1, 1).
    """
    return weight.detach().abs().amax((1, 2, 3), keepdim=True).clamp(min=_LEAST) / WEIGHT_LEVELS


def rounded_weights(weight: Tensor) -> Tensor:
    """Round the weights of a convolution, (outputs, inputs, kh, kw), to their levels."""
    step = weight_steps(weight)
    return _rounded(weight / step) * step


def rounded_maps(maps: Tensor, end: Tensor, signed: bool) -> Tensor:
    """Round feature maps to their levels, and clip them to the range.

    Args:
        maps: Of any shape.
        end: The largest value that is kept, a scalar.
        signed: Whether values below zero are kept.
    """
    low, step = map_limits(end, signed)
    return _rounded(torch.clamp(maps, low, end) / step) * step


def map_limits(end: Tensor, signed: bool) -> tuple[Tensor, Tensor]:
    """Return the smallest value that is kept, and what a level stands for."""
    step = end / (SIGNED_LEVELS if signed else UNSIGNED_LEVELS)
    return (-(SIGNED_LEVELS + 1) if signed else 0) * step, step


def _rounded(values: Tensor) -> Tensor:
    return values + (values.round() - values).detach()


class QuantisableConv2d(nn.Conv2d):
    """A convolution that can be computed with what it reads, and its weights, rounded.

    Args:
        inputs: Feature maps in.
        outputs: Feature maps out.
        kernel_size: Side of the kernel, in pixels.
        padding: Zeros that are added on each side, in pixels.

    Attributes:
        end: The largest value that is kept of what it reads, a scalar.
        signed: Whether what it reads has values below zero.
        rounding: Whether it rounds.
    """

    end: Tensor

    def __init__(self, inputs: int, outputs: int, kernel_size: int, padding: int = 0) -> None:
        super().__init__(inputs, outputs, kernel_size, padding=padding)
        self.register_buffer("end", torch.ones(()))
        self.signed = True
        self.rounding = False

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, inputs, h, w) to (B, outputs, h', w')."""
        if not self.rounding:
            return super().forward(input)
        maps = rounded_maps(input, self.end, self.signed)
        return F.conv2d(maps, rounded_weights(self.weight), self.bias, padding=self.padding)


def set_rounding(network: nn.Module, rounding: bool) -> None:
    """Set whether the convolutions of a network round, those that can."""
    for layer in network.modules():
        if isinstance(layer, QuantisableConv2d):
            layer.rounding = rounding
