"""What the processes of a training exchange besides gradients."""

from collections.abc import Iterable
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed

from sen2naip_sr.arrays import Array
from sen2naip_sr.training.crops.sampler import sizes_of_parts


class _Sum(torch.autograd.Function):
    """The sum of all ranks' tensors; its gradient is the sum of all ranks' gradients."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _Sum.apply(gradients[0])


class Ranks:
    """The processes that share the batches of a training; alone, nothing is exchanged.

    Args:
        fabric: From `sen2naip_sr.training.launch`.
        batch_size: Crops of a batch, of all ranks together.
    """

    def __init__(self, fabric: Fabric, batch_size: int) -> None:
        self.count, self.rank = fabric.world_size, fabric.global_rank
        self._device = fabric.device
        self.sizes = sizes_of_parts(batch_size, self.count)
        """Crops of each rank."""
        first = sum(self.sizes[: self.count // 2])
        # a process alone halves a batch of n crops after ceil(n / 2)
        self.halves = self.count % 2 == 0 and first == -(-batch_size // 2)
        """Whether the first half of the ranks has the first half of the batch."""

    @property
    def alone(self) -> bool:
        """Whether there is one process."""
        return self.count == 1

    @property
    def share(self) -> float:
        """This rank's crops as a share of the batch, times the number of ranks.

        Gradients are averaged over the ranks; a rank's mean loss times this gives the batch's.
        """
        return self.count * self.sizes[self.rank] / sum(self.sizes)

    def whole(self, mine: int) -> int:
        """Return the crops of all ranks in a step of whole batches, of which this one has some."""
        return mine // self.sizes[self.rank] * sum(self.sizes) if not self.alone else mine

    def own(self, drawn: Array) -> Array:
        """Return this rank's part of numbers that were drawn for whole batches, one a crop."""
        if self.alone:
            return drawn
        before = sum(self.sizes[: self.rank])
        batches = drawn.reshape(-1, sum(self.sizes))
        return batches[:, before : before + self.sizes[self.rank]].ravel()

    def mean(self, mine: Tensor, *, halves: bool = False) -> Tensor:
        """Return the mean over all crops, of this rank's mean over its own.

        It is differentiable. With ``halves`` the mean is over the crops of this rank's half of the
        ranks: a process alone computes some steps in halves of the batch.

        Args:
            mine: A tensor of one shape on all ranks.
            halves: Over half of the ranks only, if the halves are those of the batch.
        """
        if self.alone:
            return mine
        weighted = mine * (self.share / self.count)
        if not (halves and self.halves):
            return self._sum(weighted)
        second = 2 * self.rank >= self.count
        members = self.sizes[self.count // 2 :] if second else self.sizes[: self.count // 2]
        weighted = weighted * (sum(self.sizes) / sum(members))
        none = torch.zeros_like(weighted)
        return self._sum(torch.stack([none, weighted] if second else [weighted, none]))[int(second)]

    def first_half(self, mine: Tensor, *, halves: bool) -> Tensor:
        """Return the mean over the first half of the batch, or without ``halves`` over all."""
        if self.alone or not (halves and self.halves):
            return self.mean(mine)
        second = 2 * self.rank >= self.count
        weight = 0.0 if second else self.sizes[self.rank] / sum(self.sizes[: self.count // 2])
        return self._sum(mine * weight)

    def means(self, mine: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the means of all ranks' scalars, weighted by their crops."""
        if self.alone or not mine:
            return mine
        stacked = torch.stack([value.detach().to(self._device).float() for value in mine.values()])
        return dict(zip(mine, self.mean(stacked).unbind(), strict=True))

    def gather(self, mine: float) -> list[float]:
        """Return the numbers of all ranks."""
        each = torch.zeros(self.count, dtype=torch.float64)
        each[self.rank] = mine
        return self.add(each).tolist()

    def add(self, mine: Tensor) -> Tensor:
        """Return the sum of all ranks' tensors, on the device of the tensor."""
        if self.alone:
            return mine
        total = mine.to(self._device)
        distributed.all_reduce(total)
        return total.to(mine.device)

    @torch.no_grad()
    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors by their means over the ranks, each rank counting alike."""
        kept = [tensor for tensor in tensors if tensor.is_floating_point()]
        if self.alone or not kept:
            return
        flat = torch.cat([tensor.reshape(-1).to(self._device) for tensor in kept]) / self.count
        distributed.all_reduce(flat)
        parts = flat.split([tensor.numel() for tensor in kept])
        for tensor, part in zip(kept, parts, strict=True):
            tensor.copy_(part.view(tensor.shape))

    def _sum(self, tensor: Tensor) -> Tensor:
        total: Tensor = _Sum.apply(tensor)
        return total
