"""A network called by a minimal script, for comparison: plain torch.

Eager, float32, NCHW, the whole image at once, no channels-last; in a process of its own, since the
project sets the allocator for all of its process.
"""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import numpy as np
import torch

from sen2naip_sr.weights.shipped import load_shipped


class PlainNetwork:
    """A shipped network in another process; made by `plain_network`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def seconds(self, image: np.ndarray) -> float:
        """Return the seconds of upscaling (1, C, h, w), float32, without the transport."""
        self._connection.send(image)
        return float(self._connection.recv())


@contextmanager
def plain_network(name: str) -> Iterator[PlainNetwork]:
    """Run the process during the block, with as many threads as torch has here."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(name, torch.get_num_threads(), there))
    process.start()
    there.close()
    try:
        yield PlainNetwork(here)
    finally:
        here.close()
        process.join()


def _serve(name: str, threads: int, connection: Connection) -> None:
    torch.set_num_threads(threads)
    weights = load_shipped(name)
    assert weights is not None
    model = weights.build()
    while True:
        try:
            image = connection.recv()
        except EOFError:
            return
        start = time.perf_counter()
        with torch.no_grad():
            model(torch.from_numpy(image)).numpy()
        connection.send(time.perf_counter() - start)
