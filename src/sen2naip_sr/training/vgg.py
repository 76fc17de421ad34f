"""The published weights of VGG16, `sen2naip_sr.models.vgg16`, for the perceptual loss."""

import logging
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.vgg16 import BLOCKS, shapes

logger = logging.getLogger(__name__)

URL = "https://download.pytorch.org/models/vgg16-397923af.pth"


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


def _random_weights(blocks: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(shape, generator=generator) * math.sqrt(2 / math.prod(shape[1:]))
        if name.endswith("weight")
        else torch.zeros(shape)
        for name, shape in shapes(blocks).items()
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
    for name, shape in shapes(blocks).items():
        values = state.get(f"features.{name}", state.get(name)) if hasattr(state, "get") else None
        if not isinstance(values, Tensor) or values.shape != shape:
            raise UserError(
                "vgg-weights-differ",
                f"{source}: does not hold VGG16: it lacks 'features.{name}' of shape {shape}",
                describe_missing_weights(),
            )
        selected[name] = values
    return selected
