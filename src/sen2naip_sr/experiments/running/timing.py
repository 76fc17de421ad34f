"""Prediction times of trained networks, measured so that they are comparable."""

import time
from collections.abc import Sequence
from statistics import median

from sen2naip_sr.chips.store import Store
from sen2naip_sr.evaluation.methods import Method
from sen2naip_sr.inference.predict import predict

ROUNDS = 7


def time_networks(
    methods: Sequence[Method], hr: Store, lr: Store, chip: int, accelerator: str
) -> dict[str, float]:
    """Time networks in this process, in turn, on one chip, after a round that warms up.

    Returns:
        Milliseconds for a megapixel of the result, by name: the median of several rounds.
    """
    value_range = tuple(hr.attributes["value_range"])
    bands = hr.chips.shape[1]
    networks = {method.name: method.network(bands, accelerator) for method in methods}
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(1 + ROUNDS):
        for name, network in networks.items():
            start = time.perf_counter()
            predict(network, lr.chips[chip][None], value_range)
            seconds[name].append(time.perf_counter() - start)
    megapixels = hr.chips.shape[2] * hr.chips.shape[3] / 1e6
    return {name: 1e3 * median(taken[1:]) / megapixels for name, taken in seconds.items()}
