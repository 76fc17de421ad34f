"""Self-ensemble: the mean of the predictions for all eight flips and turns of an image.

Lim, Son, Kim, Nah and Lee 2017, "Enhanced Deep Residual Networks for Single Image
Super-Resolution", https://arxiv.org/abs/1707.02921, section 3.3: geometric self-ensemble.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sen2naip_sr.arrays import Array

if TYPE_CHECKING:
    from sen2naip_sr.inference.network import Network


QUARTER_TURNS = 4


class SelfEnsemble:
    """A network's mean over the eight symmetries of the square; a `Network` like the wrapped one.

    It costs eight predictions, and memory for one more. Tiles must be multiples of ``multiple`` in
    size, so that flips and turns keep the grid. The network gets tiles of h x w and of w x h.
    """

    def __init__(self, network: "Network") -> None:
        self._network = network
        self.bands, self.halo, self.multiple = network.bands, network.halo, network.multiple
        self.factor = network.factor

    def __call__(self, tiles: Array, trim: int = 0) -> Array:
        """Return the mean prediction; see `TorchNetwork`. The result is C-contiguous.

        Raises:
            ValueError: If h or w is not a multiple of ``multiple``.
        """
        height, width = tiles.shape[-2:]
        if height % self.multiple or width % self.multiple:
            raise ValueError(f"tiles of {height} x {width} are not multiples of {self.multiple}")
        sides = (self.factor * (side - 2 * trim) for side in (height, width))
        wanted = (*tiles.shape[:-2], *sides)
        total: Array = np.zeros(wanted, np.float32)
        for prediction in self.predictions(tiles, trim):
            total += prediction
        total /= 2 * QUARTER_TURNS
        return total

    def predictions(self, tiles: Array, trim: int = 0) -> Iterator[Array]:
        """Yield the prediction of each of the eight, turned back; see `TorchNetwork`."""
        for turns in range(QUARTER_TURNS):
            turned = np.rot90(tiles, turns, (-2, -1))
            prediction = self._network(np.ascontiguousarray(turned), trim)
            yield np.rot90(prediction, -turns, (-2, -1))
            prediction = self._network(np.ascontiguousarray(turned[..., ::-1]), trim)
            yield np.rot90(prediction[..., ::-1], -turns, (-2, -1))
