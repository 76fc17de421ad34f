"""The gradient of a step, from this rank's crops and those of the other ranks."""

import logging
from collections.abc import Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.distributed import GradBucket
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.futures import Future
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import get_total_norm

from sen2naip_sr.models.blocks import BATCH_NORMALISATION
from sen2naip_sr.training.dynamics import PartGradients
from sen2naip_sr.training.objective.objective import Crops, Objective
from sen2naip_sr.training.ranks import Ranks

Squares = tuple[float, float, float, int]
"""The arguments of `sen2naip_sr.training.dynamics.noise_scale`."""

logger = logging.getLogger(__name__)


class RankGradients:
    """Squared norms of the ranks' own gradients, measured as they are handed to the exchange.

    Args:
        network: The network as it was set up for several processes.
        ranks: The processes.
    """

    def __init__(self, network: nn.Module, ranks: Ranks) -> None:
        self._ranks, self._on = ranks, False
        self._own: list[Tensor] = []
        found = [part for part in network.modules() if isinstance(part, DistributedDataParallel)]
        self.possible = bool(found)
        if found:
            found[0].register_comm_hook(self, _measured)

    def start(self) -> None:
        """Measure the next exchange."""
        self._own, self._on = [], True

    def end(self, weights: Sequence[Tensor]) -> "MeasuredRanks":
        """Return the norms, after the exchange and before gradients are clipped."""
        self._on = False
        whole = get_total_norm([w.grad for w in weights if w.grad is not None]).square()
        own = torch.stack(self._own).sum() / self._ranks.share**2
        return MeasuredRanks(self._ranks, float(own / whole))

    def note(self, gradient: Tensor) -> None:
        """Note a part of this rank's gradient."""
        if self._on:
            self._own.append(gradient.square().sum())


class MeasuredRanks:
    """The norm of this rank's gradient, squared, as a share of that of the whole gradient."""

    def __init__(self, ranks: Ranks, ratio: float) -> None:
        self._ranks, self._ratio = ranks, ratio

    def squares(self, gradient_norm: float) -> Squares:
        """Return the arguments of `noise_scale`; see `PartGradients.squares`."""
        ranks, sizes = self._ranks, self._ranks.sizes
        ratio = sum(ranks.gather(self._ratio)) / ranks.count
        size = ranks.count / sum(1 / size for size in sizes)
        return ratio * gradient_norm**2, gradient_norm**2, size, sum(sizes)


def _measured(gradients: RankGradients, bucket: GradBucket) -> Future[Tensor]:
    gradients.note(bucket.buffer())
    return allreduce_hook(None, bucket)  # type: ignore[arg-type]


class Gradient:
    """Computes the gradient of a step.

    Args:
        network: The network as it was set up.
        weights: Its weights.
        objective: What to minimise.
        fabric: The Fabric of the training.
        ranks: The processes.
    """

    def __init__(
        self,
        network: nn.Module,
        weights: Sequence[nn.Parameter],
        objective: Objective,
        fabric: Fabric,
        ranks: Ranks,
    ) -> None:
        self._network, self._weights, self._objective = network, weights, objective
        self._fabric, self._ranks = fabric, ranks
        # a network may have vectors only, such as the coordinates of a subspace
        matrices = [weight for weight in weights if weight.ndim > 1]
        self._last_layer = (matrices or weights)[-1]
        self._of_ranks = None if ranks.alone else RankGradients(network, ranks)
        if not ranks.alone and any(isinstance(m, BATCH_NORMALISATION) for m in network.modules()):
            logger.warning(
                "Batch normalisation takes the statistics of each process's own crops: the weights "
                "depend on the number of processes"
            )

    def compute(
        self, crops: Sequence[Crops], step: int, *, measured: bool, exchanged: bool
    ) -> tuple[list[Tensor], dict[str, float], PartGradients | MeasuredRanks | None]:
        """Compute the gradient of this rank's crops, and the mean over the ranks.

        Args:
            crops: The pieces of the step.
            step: The current step, from 0.
            measured: Whether the gradients of the pieces, or of the ranks, are compared.
            exchanged: Whether the ranks exchange their gradients.

        Returns:
            What was predicted, the losses, and what was measured, if anything.
        """
        size = sum(len(part.lr) for part in crops)
        alone = PartGradients(self._weights, size) if measured and self._ranks.alone else None
        of_ranks = self._of_ranks if measured and exchanged else None
        of_ranks = of_ranks if of_ranks and of_ranks.possible else None
        if of_ranks:
            of_ranks.start()
        losses: dict[str, float] = {}
        predictions: list[Tensor] = []
        for number, part in enumerate(crops, 1):
            # gradients of the ranks are averaged, so each rank's losses are means over its crops
            share = (self._ranks.share if exchanged else 1.0) * len(part.lr) / size
            shared = None if predictions else self._last_layer
            waits = not self._ranks.alone and (number < len(crops) or not exchanged)
            with self._fabric.no_backward_sync(self._network, enabled=waits):  # type: ignore[arg-type]
                prediction = self._network(*part.inputs)
                total, terms = self._objective(prediction, part, step, shared, halves=measured)
                self._fabric.backward(total * share)
            if alone:
                alone.add(len(part.lr))
            for name, value in terms.items():
                losses[name] = losses.get(name, 0.0) + share * value
            predictions.append(prediction.detach())
        if exchanged:
            self._ranks.average(p.grad for p in self._objective.parameters if p.grad is not None)
        return predictions, losses, of_ranks.end(self._weights) if of_ranks else alone
