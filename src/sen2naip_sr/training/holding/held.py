"""A network, its moving average and its optimiser, all of which each process holds."""

from collections.abc import Iterable, Mapping

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from sen2naip_sr.inference.internals import keep_backward_buffers
from sen2naip_sr.training.checkpoint import Stateful
from sen2naip_sr.training.holding.shards import divided, whole
from sen2naip_sr.training.optimization.averaging import averaged
from sen2naip_sr.training.optimization.optimizers import build_optimizer
from sen2naip_sr.training.parameters import TrainingParameters


class Held:
    """A network as a training holds it.

    Args:
        model: The network, trained in place.
        parameters: How to train.
        fabric: The device, the precision and the processes.
        extra: Trained parameters besides the network's.

    Attributes:
        model: The network.
        ema: The moving average of its weights.
        network: The network as it was set up for a training step.
        optimizer: The optimiser as it was set up.

    Raises:
        UserError: If the optimiser does not fit.
    """

    def __init__(
        self,
        model: nn.Module,
        parameters: TrainingParameters,
        fabric: Fabric,
        extra: Iterable[nn.Parameter] = (),
    ) -> None:
        p = parameters
        self.model = model
        self.ema = averaged(model, fabric.device, p.ema_decay)
        optimizer = build_optimizer(model, p.learning_rate, p.optimizer, fabric.device, extra)
        network = _compiled(model, p) if p.compile else model
        self.network, self.optimizer = fabric.setup(network, optimizer)

    @property
    def parts(self) -> dict[str, Stateful]:
        """What a checkpoint holds, by name."""
        return {"model": self.model, "ema": self.ema, "optimizer": self.optimizer}

    def averages(self) -> nn.Module:
        """Return the averaged network, whole; all processes ask for it."""
        network: nn.Module = self.ema.module
        return network

    def get_weights(self) -> dict[str, Tensor]:
        """Return copies of weights and buffers by name, on the CPU; all processes ask for them."""
        return {
            name: whole(tensor.detach()).cpu().clone(memory_format=torch.contiguous_format)
            for name, tensor in self.model.state_dict().items()
        }

    def set_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Replace weights and buffers by whole ones, on any device.

        Raises:
            RuntimeError: If a name or a shape differs from the network's.
        """
        load_whole(self.model, weights)


def load_whole(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load a state of whole tensors into a network, of which this process may hold a part.

    Raises:
        RuntimeError: If a name or a shape differs from the network's.
    """
    now = network.state_dict()
    network.load_state_dict({n: divided(t, now[n]) if n in now else t for n, t in state.items()})


def _compiled(model: nn.Module, parameters: TrainingParameters) -> nn.Module:
    if parameters.balance == "gradient_norm":
        # a second backward pass through the same graph needs its buffers
        keep_backward_buffers()
    network: nn.Module = torch.compile(model)  # type: ignore[assignment]
    return network
