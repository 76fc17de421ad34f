"""The networks that are explained: those that upscale, as plain torch modules."""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.explain.parameters import REFERENCE
from sen2naip_sr.inference.acceleration.unpadded import without_padding
from sen2naip_sr.inference.network import TorchNetwork, make_network
from sen2naip_sr.models.blocks import centred
from sen2naip_sr.models.registry import build_model, get_spec
from sen2naip_sr.weights.files import Weights, load_weights
from sen2naip_sr.weights.shipped import load_shipped


@dataclass(frozen=True)
class Subject:
    """A network to explain.

    Attributes:
        name: Its name in tables.
        title: Its name in figures.
        network: What upscales, in single precision, as it is scored.
        trained: Whether it has weights.
    """

    name: str
    title: str
    network: TorchNetwork
    trained: bool

    @property
    def local(self) -> "LocalNetwork":
        """The network as a function of a window and its surroundings, computed by torch alone."""
        model = self.network.model
        shrinking = without_padding(model)
        return LocalNetwork(copy.deepcopy(model) if shrinking is None else shrinking, self.reach)

    @property
    def reach(self) -> int:
        """LR pixels to each side that a pixel depends on, rounded up to the network's grid.

        Raises:
            UserError: If a pixel depends on the whole image.
        """
        multiple = self.network.multiple
        return math.ceil(self.network.halo / multiple) * multiple


class LocalNetwork(nn.Module):
    """Maps a window with ``reach`` pixels around it to the result of the window.

    This is the middle of what the network makes of the whole image, as long as the surroundings are
    inside of it. Weights need no gradient.

    Args:
        network: The network, padded or not; it is changed.
        reach: LR pixels to each side that a pixel of the result depends on.
    """

    def __init__(self, network: nn.Module, reach: int) -> None:
        super().__init__()
        # torch's stubs leave memory_format out
        plain = network.eval().requires_grad_(False)
        self.network = plain.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.reach = reach

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, height + 2 reach, width + 2 reach) to (B, C, 2 height, 2 width)."""
        result = self.network(images)
        height, width = (2 * (side - 2 * self.reach) for side in images.shape[-2:])
        return centred(result, result[..., :height, :width])


def subject_of(name: str, title: str, module: nn.Module, bands: int) -> Subject:
    """Return a module as a subject, for images with so many bands."""
    network = make_network(module, bands=bands, device="cpu", backend="eager", precision="float32")
    return Subject(name, title, network, any(True for _ in module.parameters()))


def reference(bands: int) -> Subject:
    """Return the interpolation that all are compared with."""
    return subject_of(REFERENCE, get_spec(REFERENCE).title, build_model(REFERENCE, bands), bands)


def subjects(
    names: Sequence[str],
    weights: Mapping[str, Weights | None],
    files: Mapping[str, str],
    bands: int,
) -> list[Subject]:
    """Return the networks to explain, and the reference at the end.

    Args:
        names: Of networks or of shipped weights.
        weights: Those of networks, by their names.
        files: Further weights, by the name that tables show.
        bands: Of the images.

    Raises:
        UserError: If there are no such weights, or they are for other bands.
    """
    found = [(name, weights.get(name) or load_shipped(name)) for name in dict.fromkeys(names)]
    found += [(name, load_weights(Path(file))) for name, file in files.items()]
    made = []
    for name, own in found:
        if own is None:
            raise UserError(
                "no-weights-to-explain",
                f"'{name}' has no weights, neither trained here nor shipped",
                "train it first, or leave it out",
            )
        if own.metadata.bands != bands:
            raise UserError(
                "bands-differ",
                f"the weights of '{name}' are for {own.metadata.bands} bands, not {bands}",
                "give images with the bands that it was trained on, or use another network",
            )
        title = get_spec(name).title if name == own.metadata.architecture else name
        made.append(subject_of(name, title, own.build(), bands))
    return [*made, reference(bands)]
