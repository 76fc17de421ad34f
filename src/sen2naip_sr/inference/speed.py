"""The speed of a network on this machine, and its share of GEMM throughput."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from sen2naip_sr.inference.network import TorchNetwork
from sen2naip_sr.models.cost import multiply_adds_per_pixel

ROUNDS = 3


@dataclass(frozen=True)
class Speed:
    """The work of a network in a second.

    Attributes:
        megapixels: Millions of high-resolution pixels.
        multiply_adds: Multiply-adds of the architecture. An algorithm that needs fewer
            multiplications can exceed ``matrix_product``.
        matrix_product: Multiply-adds of a large float32 matrix product on the same device.
    """

    megapixels: float
    multiply_adds: float
    matrix_product: float

    @property
    def share(self) -> float:
        """Multiply-adds as a share of those of the matrix product."""
        return self.multiply_adds / self.matrix_product


def measure_speed(network: TorchNetwork, side: int = 256) -> Speed:
    """Time a network on a batch of random tiles of ``side`` LR pixels, after a warm-up."""
    shape = (network.batch, network.bands, side, side)
    tiles = np.random.default_rng(0).random(shape, dtype=np.float32)
    seconds = median_seconds(lambda: network(tiles))
    pixels = network.batch * side**2
    return Speed(
        4e-6 * pixels / seconds,
        pixels * multiply_adds_per_pixel(network.model, network.bands) / seconds,
        matrix_product_rate(network.device),
    )


def matrix_product_rate(device: torch.device, size: int = 1024) -> float:
    """Return the multiply-adds a second of a float32 matrix product, about the device's maximum."""
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand(2, size, size, generator=generator).to(device)

    def multiply() -> None:
        # reading one number waits for the device
        (first @ second)[0, 0].item()

    return size**3 / median_seconds(multiply)


def median_seconds(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median time of calls, after one call as a warm-up."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
