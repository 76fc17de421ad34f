"""The exponential moving average of a network's weights."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from sen2naip_sr.training.optimization.schedule import ema_decay

Tensors = list[Tensor] | tuple[Tensor, ...]


def averaged(model: nn.Module, device: torch.device, largest_decay: float) -> AveragedModel:
    """Return a copy of a network whose weights become the moving averages of the network's.

    Their decay grows to ``largest_decay``, in [0, 1); see `ema_decay`.
    """

    def update(averages: Tensors, weights: Tensors, count: Tensor | int) -> None:
        get_ema_multi_avg_fn(ema_decay(int(count), largest_decay))(averages, weights, count)

    return AveragedModel(model, device, multi_avg_fn=update)
