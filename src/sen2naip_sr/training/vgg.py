"""The convolutions of VGG16 with their published weights.

Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
https://arxiv.org/abs/1409.1556, configuration D.
"""

import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.parameters.losses import LayerName

logger = logging.getLogger(__name__)

URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Output channels of the 3 x 3 convolutions of each block; a 2 x 2 maximum lies between blocks."""

LAYERS: tuple[LayerName, ...] = get_args(LayerName)

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
        for name in _shapes(blocks):
            self.register_buffer(_buffer(name), state[name].float(), persistent=False)
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> dict[LayerName, Tensor]:
        """Return the features of images (N, 3, H, W) in [0, 1], by the name of their layer."""
        features = (images - self.get_buffer("mean")) / self.get_buffer("std")
        outputs: dict[LayerName, Tensor] = {}
        for block, indices in enumerate(_convolutions(self.blocks)):
            if block:
                features = F.max_pool2d(features, 2)
            for index in indices:
                weight = self.get_buffer(_buffer(f"{index}.weight"))
                bias = self.get_buffer(_buffer(f"{index}.bias"))
                features = F.relu(F.conv2d(features, weight, bias, padding=1))
            outputs[LAYERS[block]] = features
        return outputs


def load_weights(source: str | None, blocks: int = len(BLOCKS)) -> dict[str, Tensor]:
    """Return the weights of VGG16's convolutions, 13 in all blocks.

    Args:
        source: As `PerceptualParameters.weights`. A file holds a state dict with the names of the
            published one, ``features.0.weight`` and so on, or without ``features.``.
        blocks: How many blocks to take, from 1 to 5.

    Returns:
        Weights and biases by their published names without ``features.``, on the CPU.

    Raises:
        UserError: If there is no source, or it does not hold these weights.
    """
    if source is None:
        raise UserError(
            "vgg-weights-missing",
            "the loss 'vgg16' needs the published weights of VGG16, and none are given",
            describe_missing_weights(),
        )
    if source == "random":
        logger.warning("the loss 'vgg16' compares random features, which is only for tests")
        return _random_weights(blocks)
    state = _download() if source == "download" else _read(Path(source))
    return _selected(state, blocks, source)


def describe_missing_weights() -> str:
    """Return what to do to get the weights of VGG16."""
    return (
        "allow their download (528 MB, once); or fetch "
        f"{URL} and give the file's path; or leave out the loss 'vgg16'"
    )


def _convolutions(blocks: int) -> Iterator[list[int]]:
    """Yield the numbers of each block's convolutions among all layers, as published names count."""
    first = 0
    for widths in BLOCKS[:blocks]:
        yield [first + 2 * position for position in range(len(widths))]
        first += 2 * len(widths) + 1


def _shapes(blocks: int) -> dict[str, tuple[int, ...]]:
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


def _random_weights(blocks: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(shape, generator=generator) * math.sqrt(2 / math.prod(shape[1:]))
        if name.endswith("weight")
        else torch.zeros(shape)
        for name, shape in _shapes(blocks).items()
    }


def _download() -> Mapping[str, Tensor]:
    try:
        return torch.hub.load_state_dict_from_url(
            URL, map_location="cpu", check_hash=True, weights_only=True
        )
    except Exception as error:  # no network, a wrong hash, a damaged cache: all kinds of errors
        raise UserError(
            "vgg-download-failed",
            f"the weights of VGG16 could not be downloaded from {URL}: {error}",
            f"check the network connection and {torch.hub.get_dir()}/checkpoints; or "
            + describe_missing_weights(),
        ) from error


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        state: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what torch raises for a damaged file is not specified
        raise UserError(
            "vgg-weights-damaged",
            f"{path}: cannot be read as the weights of VGG16: {error}",
            describe_missing_weights(),
        ) from error
    return state


def _selected(state: Mapping[str, Tensor], blocks: int, source: str) -> dict[str, Tensor]:
    selected: dict[str, Tensor] = {}
    for name, shape in _shapes(blocks).items():
        values = state.get(f"features.{name}", state.get(name)) if hasattr(state, "get") else None
        if not isinstance(values, Tensor) or values.shape != shape:
            raise UserError(
                "vgg-weights-differ",
                f"{source}: does not hold VGG16: it lacks 'features.{name}' of shape {shape}",
                describe_missing_weights(),
            )
        selected[name] = values
    return selected
