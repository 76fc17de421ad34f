"""The convolutions of VGG16, for features of images.

Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
https://arxiv.org/abs/1409.1556, configuration D.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Output channels of the 3 x 3 convolutions of each block; a 2 x 2 maximum lies between blocks."""

LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
"""The last ReLU of each block."""

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Vgg16Features(nn.Module):
    """Features of VGG16 after the last ReLU of each block, with weights that never change.

    The weights are buffers outside the state dict: they follow the module to its device, but
    belong to no checkpoint and no optimiser.

    Args:
        state: Weights by the names that `load_weights` gives them.
        blocks: How many blocks to compute, from 1 to 5.
    """

    def __init__(self, state: Mapping[str, Tensor], blocks: int) -> None:
        super().__init__()
        self.blocks = blocks
        for name in shapes(blocks):
            self.register_buffer(_buffer(name), state[name].float(), persistent=False)
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return the features of images (N, 3, H, W) in [0, 1], by the name of their layer."""
        features = (images - self.get_buffer("mean")) / self.get_buffer("std")
        outputs: dict[str, Tensor] = {}
        for block, indices in enumerate(_convolutions(self.blocks)):
            if block:
                features = F.max_pool2d(features, 2)
            for index in indices:
                weight = self.get_buffer(_buffer(f"{index}.weight"))
                bias = self.get_buffer(_buffer(f"{index}.bias"))
                features = F.relu(F.conv2d(features, weight, bias, padding=1))
            outputs[LAYERS[block]] = features
        return outputs


def _convolutions(blocks: int) -> Iterator[list[int]]:
    """Yield the numbers of each block's convolutions among all layers, as published names count."""
    first = 0
    for widths in BLOCKS[:blocks]:
        yield [first + 2 * position for position in range(len(widths))]
        first += 2 * len(widths) + 1


def shapes(blocks: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight and bias of the first blocks, by name."""
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 3
    for indices, widths in zip(_convolutions(blocks), BLOCKS, strict=False):
        for index, width in zip(indices, widths, strict=True):
            shapes |= {f"{index}.weight": (width, channels, 3, 3), f"{index}.bias": (width,)}
            channels = width
    return shapes


def _buffer(name: str) -> str:
    return name.replace(".", "_")
