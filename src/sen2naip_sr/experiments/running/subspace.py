"""Networks trained in random subspaces of their weights.

Li et al. 2018, "Measuring the Intrinsic Dimension of Objective Landscapes",
https://arxiv.org/abs/1804.08838: the fewest random directions in which a network can be trained
to 90 % of what it reaches with all its weights measure how much of it the task needs.

The project's networks start as bicubic interpolation. So the 90 % refer to the gain over bicubic,
not to the score.
"""

import copy
import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.running.projection import FastfoodProjection
from sen2naip_sr.training.reparametrised import Reparametrised, Wrap

HANDED_THROUGH = ("bands", "multiple", "receptive_field")


class SubspaceNetwork(Reparametrised):
    """A network whose weights are ``theta0 + P d``, of which only d is trained.

    theta0 are the network's initial weights, P is a `FastfoodProjection`. Both are buffers. The
    only parameter is d, which starts at zero. The network's own buffers (statistics of batch
    normalisation) change in training as usual.

    Args:
        model: The network; it is copied.
        dimension: Length of d.
        seed: Seeds P.

    Attributes:
        bands: As of ``model``, where it has one; ``multiple`` and ``receptive_field`` likewise.
        coordinates: d, (dimension,).

    Raises:
        UserError: If the dimension is not between 1 and the number of weights.
    """

    def __init__(self, model: nn.Module, dimension: int, seed: int) -> None:
        super().__init__()
        weights = count_weights(model)
        if not 1 <= dimension <= weights:
            raise UserError(
                "dimension-invalid",
                f"a subspace of dimension {dimension} in a network of {weights} weights",
                f"give dimensions between 1 and {weights}",
            )
        for name in HANDED_THROUGH:
            if hasattr(model, name):
                setattr(self, name, getattr(model, name))
        self._names = [name for name, _ in model.named_parameters()]
        self._seed = seed
        start = next(model.parameters())
        self.coordinates = nn.Parameter(start.new_zeros(dimension))
        self.projection = FastfoodProjection(weights, dimension, seed).to(start.device)
        self.model = copy.deepcopy(model)
        _freeze(self.model)

    def forward(self, image: Tensor) -> Tensor:
        """Apply the network with the weights that d stands for: (B, C, h, w) to (B, C, 2h, 2w)."""
        return functional_call(self.model, self.weights(), (image,))

    def weights(self) -> dict[str, Tensor]:
        """Return ``theta0 + P d`` by the names of the network's weights."""
        starts = [self.model.get_buffer(name) for name in self._names]
        moves = self.projection(self.coordinates).split([start.numel() for start in starts])
        return {
            name: start + move.view(start.shape)
            for name, start, move in zip(self._names, starts, moves, strict=True)
        }

    @property
    def described(self) -> dict[str, Any]:
        """The subspace: its dimension, and the seed of its projection."""
        return {"subspace": {"dimension": self.projection.dimension, "seed": self._seed}}

    @torch.no_grad()
    def folded(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the network's own state, with the weights that the coordinates stand for."""
        twin = copy.deepcopy(self).cpu()
        twin.load_state_dict(state)
        return {**twin.model.state_dict(), **twin.weights()}


def in_subspace(dimension: int | None, seed: int) -> Wrap | None:
    """Return a function that puts a network into a random subspace; None without a dimension."""
    return partial(SubspaceNetwork, dimension=dimension, seed=seed) if dimension else None


def count_weights(model: nn.Module) -> int:
    """Return the number of weights: the dimension of the whole space."""
    return sum(weight.numel() for weight in model.parameters())


def subspace_learning_rate(learning_rate: float, dimension: int, weights: int) -> float:
    """Return the learning rate in a subspace that moves a network as far as the given one.

    The first step of Adam changes every number by the learning rate, so its length grows with the
    square root of their count, and P preserves lengths. So the rate is scaled by the square root of
    the ratio of weights to dimensions.
    """
    return learning_rate * math.sqrt(weights / dimension)


@torch.no_grad()
def _freeze(model: nn.Module) -> None:
    """Replace all parameters by buffers of the same names."""
    for module in model.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, weight.detach())
