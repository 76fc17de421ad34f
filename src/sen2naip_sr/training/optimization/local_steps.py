"""Post-local SGD: weights that the ranks average now and then."""

from collections.abc import Iterator

from torch import Tensor, nn, optim

from sen2naip_sr.training.parameters.distributed import AveragingParameters
from sen2naip_sr.training.ranks import Ranks


class LocalSteps:
    """Says which steps are local, and averages the ranks' weights.

    Args:
        parameters: When steps are local; None: never.
        ranks: The processes.
    """

    def __init__(self, parameters: AveragingParameters | None, ranks: Ranks) -> None:
        self._parameters, self._ranks = None if ranks.alone else parameters, ranks

    def local(self, step: int) -> bool:
        """Return whether a step, from 0, exchanges no gradients."""
        return self._parameters is not None and step >= self._parameters.start_step

    def due(self, taken: int) -> bool:
        """Return whether weights are to be averaged after so many steps."""
        p = self._parameters
        return p is not None and taken > p.start_step and (taken - p.start_step) % p.every == 0

    def average(
        self, taken: int, networks: Iterator[nn.Module], optimizer: optim.Optimizer
    ) -> None:
        """Average weights, buffers and the optimiser's moments, if the last step was local."""
        if not taken or not self.local(taken - 1):
            return
        tensors = [tensor for network in networks for tensor in _tensors(network)]
        moments = [
            value
            for state in optimizer.state.values()
            for name, value in state.items()
            if isinstance(value, Tensor) and name != "step"
        ]
        self._ranks.average(tensors)
        self._ranks.average(moments)


def _tensors(network: nn.Module) -> Iterator[Tensor]:
    yield from network.parameters()
    yield from network.buffers()
