"""A network, its moving average and its optimiser, of which each process holds a part."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.checkpoint import Stateful
from sen2naip_sr.training.holding.held import Held, load_whole
from sen2naip_sr.training.holding.shards import divided, shard, whole, without_weights
from sen2naip_sr.training.optimization.averaging import averaged
from sen2naip_sr.training.optimization.optimizers import build_optimizer
from sen2naip_sr.training.parameters import TrainingParameters
from sen2naip_sr.training.reparametrised import Reparametrised


def hold(
    model: nn.Module,
    parameters: TrainingParameters,
    fabric: Fabric,
    extra: Iterable[nn.Parameter] = (),
) -> Held:
    """Hold a network as the strategy of the training says; one process holds all of it.

    Raises:
        UserError: If the optimiser does not fit, or the network cannot be divided.
    """
    kind = Sharded if isinstance(fabric.strategy, ModelParallelStrategy) else Held
    return kind(model, parameters, fabric, extra)


class Sharded(Held):
    """A network whose weights, gradients, moments and averages are divided among the processes.

    The arguments are those of `Held`. States are whole ones, as those of `Held` are, so that either
    can load what the other has saved.
    """

    def __init__(
        self,
        model: nn.Module,
        parameters: TrainingParameters,
        fabric: Fabric,
        extra: Iterable[nn.Parameter] = (),
    ) -> None:
        if isinstance(model, Reparametrised):
            raise UserError(
                "not-divisible",
                "a network whose weights are computed from others cannot be divided among "
                "processes",
                "choose the strategy ddp",
            )
        p, strategy = parameters, fabric.strategy
        assert isinstance(strategy, ModelParallelStrategy)
        self.model = model
        self._blank = without_weights(model)
        self._leads = fabric.is_global_zero
        self.ema = averaged(model, fabric.device, p.ema_decay)
        shard(self.ema.module, strategy.device_mesh)
        self.network = fabric.setup_module(model)
        # the optimiser has to see the divided weights, which torch's fused ones do not all take
        chosen = p.optimizer.model_copy(
            update={"arguments": {"foreach": True} | p.optimizer.arguments}
        )
        optimizer = build_optimizer(model, p.learning_rate, chosen, fabric.device, extra)
        self.optimizer = fabric.setup_optimizers(optimizer)

    @property
    def parts(self) -> dict[str, Stateful]:
        """What a checkpoint holds, by name: whole on rank zero, empty tensors on the others."""
        return {
            "model": _WholeNetwork(self.model, self._leads),
            "ema": _WholeNetwork(self.ema, self._leads),
            "optimizer": _WholeOptimizer(self.optimizer, self._leads),
        }

    def averages(self) -> nn.Module:
        """Return the averaged network, whole; all processes ask for it."""
        network = copy.deepcopy(self._blank)
        state = {name: whole(t.detach()) for name, t in self.ema.module.state_dict().items()}
        network.load_state_dict(state, assign=True)
        return network


class _WholeNetwork:
    """The state of a divided network as that of a whole one."""

    def __init__(self, network: nn.Module, leads: bool) -> None:
        self._network, self._leads = network, leads

    def state_dict(self) -> dict[str, Any]:
        """Return the state, of whole tensors on the CPU."""
        return {n: _gathered(t, self._leads) for n, t in self._network.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore a state of whole tensors."""
        load_whole(self._network, state)


class _WholeOptimizer:
    """The state of an optimiser of divided weights as that of one of whole weights."""

    def __init__(self, optimizer: Optimizer, leads: bool) -> None:
        self._optimizer, self._leads = optimizer, leads

    def state_dict(self) -> dict[str, Any]:
        """Return the state, of whole tensors on the CPU."""
        found = self._optimizer.state_dict()
        return self._mapped(found, lambda value, weight: _gathered(value, self._leads))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state of whole tensors."""
        self._optimizer.load_state_dict(self._mapped(state, divided))

    def _mapped(self, state: dict[str, Any], change: Any) -> dict[str, Any]:
        weights = [weight for group in self._optimizer.param_groups for weight in group["params"]]
        changed = {
            number: {
                name: change(value, weights[number]) if isinstance(value, Tensor) else value
                for name, value in moments.items()
            }
            for number, moments in state["state"].items()
        }
        return {**state, "state": changed}


def _gathered(tensor: Tensor, leads: bool) -> Tensor:
    """Return a divided tensor whole, on the CPU; an empty one where it is not needed."""
    if not isinstance(tensor, DTensor):
        return tensor
    found = whole(tensor.detach())
    if not leads:
        return torch.empty(0)
    # as weights that are not divided lie in memory: fused optimisers read moments in their order
    return found.cpu().contiguous(
        memory_format=torch.channels_last if found.ndim == 4 else torch.contiguous_format
    )
