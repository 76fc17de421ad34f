"""Tensors and networks of which each process holds a part.

torch's `fully_shard` (FSDP2) makes every weight a `DTensor`: its first axis is divided among the
processes, and gradients and moments of the optimiser with it. Rajbhandari et al. 2020, "ZeRO:
Memory Optimizations Toward Training Trillion Parameter Models", https://arxiv.org/abs/1910.02054,
stage 3.
"""

import copy
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

Network = TypeVar("Network", bound=nn.Module)


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor of which each process holds a part, as a whole; others as they are.

    All processes call it, for the same tensors in the same order.
    """
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def own(tensor: Tensor) -> Tensor:
    """Return this process's part of a tensor; the tensor itself if it is not divided."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def divided(tensor: Tensor, like: Tensor) -> Tensor:
    """Divide a whole tensor, which every process has, as another one is; its shape is the same."""
    if not isinstance(like, DTensor) or tensor.shape != like.shape:
        return tensor
    here = tensor.to(like.device).contiguous()
    return distribute_tensor(here, like.device_mesh, like.placements, src_data_rank=None)


def shard(network: Network, mesh: DeviceMesh) -> Network:
    """Divide a network's weights among all processes, in place, and return it.

    A block is put together when it computes, and divided again after it. The rest of the network is
    whole from the start of a step to the end of its backward pass.

    Args:
        network: The network; its weights become contiguous.
        mesh: Any devices of the kind that it is on.
    """
    # torch can divide no other
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    # the group of all processes has the training's time limit, those of a mesh have not
    every = init_device_mesh(mesh.device_type, (distributed.get_world_size(),))
    for block in [part for part in network.modules() if _is_block(part)]:
        fully_shard(block, mesh=every)
    fully_shard(network, mesh=every)
    return network


def _is_block(part: nn.Module) -> bool:
    """Return whether a module has weights and is made of layers only.

    Containers that compute nothing themselves are none, and neither is what holds blocks: some of
    its parts may be called one by one.
    """
    parts = list(part.children())
    layers = bool(parts) and not any(list(layer.children()) for layer in parts)
    return layers and not isinstance(part, nn.ModuleList) and any(True for _ in part.parameters())


def without_weights(network: Network) -> Network:
    """Return a copy of a network whose weights take no memory, and have no values."""
    meta = {id(w): nn.Parameter(w.to("meta"), w.requires_grad) for w in network.parameters()}
    return copy.deepcopy(network, memo=dict(meta))
