"""Random numbers for the images of a batch, made on their device.

No call waits for the device, so draws can be part of a captured CUDA graph.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor


@dataclass(frozen=True)
class Draws:
    """Draws for each image of a batch.

    Attributes:
        images: Images in the batch.
        generator: Where the numbers come from; its device is theirs.
    """

    images: int
    generator: torch.Generator

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Return (images, *shape) in [low, high)."""
        drawn = torch.rand(
            (self.images, *shape), generator=self.generator, device=self.generator.device
        )
        return low + (high - low) * drawn

    def log_uniform(self, *shape: int, low: float, high: float) -> Tensor:
        """Return (images, *shape) between low and high, whose logarithm is uniform."""
        return torch.exp(self.uniform(*shape, low=math.log(low), high=math.log(high)))

    def normal(self, *shape: int) -> Tensor:
        """Return (images, *shape) of mean 0 and standard deviation 1."""
        shape = (self.images, *shape)
        return torch.randn(shape, generator=self.generator, device=self.generator.device)

    def log_normal(self, share: float, spread: float, *shape: int) -> Tensor:
        """Return (images, *shape): 1, or for a share of the images factors of median 1.

        Args:
            share: The share of images.
            spread: Standard deviation of the factors' logarithm.
            shape: Numbers for each image; at least one.
        """
        factors = torch.exp(spread * self.normal(*shape))
        return torch.where(expanded(self.chance(share), factors), factors, 1.0)

    def chance(self, share: float) -> Tensor:
        """Return (images,), true for a share of them."""
        return self.uniform() < share

    def index(self, count: int) -> Tensor:
        """Return (images,), whole numbers below ``count``."""
        return (self.uniform() * count).long().clamp(max=count - 1)

    def choice(self, shares: Sequence[float]) -> Tensor:
        """Return (images,), the position of one of ``shares``, as often as it says."""
        drawn = self.uniform() * sum(shares)
        passed = [drawn >= limit for limit in list(accumulate(shares))[:-1]]
        return sum(passed, torch.zeros_like(drawn, dtype=torch.long))


def expanded(values: Tensor, like: Tensor) -> Tensor:
    """Return (B,) as (B, 1, ...) with as many axes as ``like``."""
    return values.reshape(-1, *(1,) * (like.ndim - 1))
