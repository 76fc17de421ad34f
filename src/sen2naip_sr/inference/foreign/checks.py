"""Whether a foreign network is what its description says, tried on random images.

One region is predicted in two tilings. Its results are equal if the margin is as wide as the
network looks around, and if tiles begin where the network's grid does.
"""

from dataclasses import dataclass

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.foreign.network import OnnxNetwork
from sen2naip_sr.weights.foreign.finding import ForeignModel

LARGEST_DIFFERENCE = 5e-4
"""Of the range: the largest difference of two tilings. It shows on no screen."""
REGION = 16
"""Side of the region, in pixels of the scene."""
SHIFT = 5
"""Multiples between the beginnings of the two tilings: odd, so that no grid of two or four fits."""
EQUAL = 1e-5
"""Of the range: a margin with less of a difference is suggested, as far as there is one."""
FARTHEST = 96
"""The widest margin, in pixels of the scene, that is searched for."""
DARK, SPAN = 0.1, 0.4
"""Values of the images, as shares of the range."""
FIELD, GRAIN = 8, 0.1
"""Side of their fields of one value, in pixels, and the share of noise: as in images of land."""


def checked_network(
    model: ForeignModel, *, device: str = "auto", threads: int | None = None
) -> OnnxNetwork:
    """Return a foreign network that was tried.

    Args:
        model: The network and its description.
        device: See `OnnxNetwork`.
        threads: Processor cores; None: all.

    Raises:
        UserError: See `OnnxNetwork`; or if its results have another size than described, or
            depend on more than its margin or on where tiles begin.
    """
    network = OnnxNetwork(model, device=device, threads=threads)
    tried = _tilings(network, network.margin, SHIFT * network.multiple)
    if tried.least_margin(network.margin, LARGEST_DIFFERENCE) != network.margin:
        raise _wrong_margin(network)
    return network


@dataclass(frozen=True)
class _Tilings:
    """The largest difference, over the bands, where two tilings overlap.

    Attributes:
        difference: (f h, f w), as a share of the range.
        factor: f.
    """

    difference: Array
    factor: int

    def least_margin(self, first: int, most: float) -> int | None:
        """Return the least margin, from ``first`` on, within which both differ by ``most``."""
        height, width = (side // self.factor for side in self.difference.shape)
        for margin in range(first, (min(height, width) + 1) // 2):
            cut = self.factor * margin
            inner = self.difference[
                cut : self.factor * height - cut, cut : self.factor * width - cut
            ]
            if inner.max() <= most:
                return margin
        return None


def _tilings(network: OnnxNetwork, margin: int, shift: int) -> _Tilings:
    """Predict a region within ``margin`` pixels in two tilings that begin ``shift`` pixels apart.

    Rows and columns differ in number, so that a network that mixes them up is found.
    """
    step = network.multiple
    height = -(-(2 * margin + REGION) // step) * step + shift
    width = height + step
    if network.largest is not None:
        height = width = network.tile + 2 * network.margin
        shift = min(shift, height - 2 * margin - step)
        if shift < step:
            # too small for two tilings: the margin is taken as it is described
            return _Tilings(np.zeros((network.factor, network.factor)), network.factor)
    image = _image(network.bands, height + shift, width + shift)
    first = network(image[np.newaxis, :, :height, :width])[0]
    second = network(image[np.newaxis, :, shift:, shift:])[0]
    cut = network.factor * shift
    difference = np.abs(first[:, cut:, cut:] - second[:, :-cut, :-cut]).max(axis=0)
    if not np.isfinite(difference).all():
        raise UserError(
            "onnx-failed",
            f"{network.model.path}: gives values that are not finite for an ordinary image",
            "describe the range of the values that it takes, or use another network",
        )
    return _Tilings(difference, network.factor)


def _image(bands: int, height: int, width: int) -> Array:
    """Return fields with noise, (bands, height, width), float32."""
    random = np.random.default_rng(0)
    rows, columns = (np.arange(side) // FIELD for side in (height, width))
    fields = random.random((bands, rows[-1] + 1, columns[-1] + 1), np.float32)
    noise = random.random((bands, height, width), np.float32)
    mixed = (1 - GRAIN) * fields[:, rows[:, np.newaxis], columns] + GRAIN * noise
    image: Array = np.float32(DARK) + np.float32(SPAN) * mixed
    return image


def _wrong_margin(network: OnnxNetwork) -> UserError:
    """Return what is wrong with the margin, with the one that would do."""
    name, told = network.model.path, network.halo
    farthest = max(FARTHEST, 2 * told)
    if network.largest is not None:
        farthest = (network.largest - network.multiple) // 2
    problem = f"{name}: its result depends on more than the described margin of {told} pixels"
    wider = _tilings(network, farthest, SHIFT * network.multiple).least_margin(told, EQUAL)
    if wider is not None:
        return UserError("onnx-margin-wrong", problem, f"describe the margin {wider}")
    for multiple in (2, 4, 8, 16, 32, 64):
        step = network.multiple * multiple
        if network.largest is not None or step > farthest // 2:
            break
        aligned = _tilings(network, farthest // 2, 4 * step).least_margin(0, EQUAL)
        if aligned is not None:
            return UserError(
                "onnx-margin-wrong",
                f"{name}: its result depends on where a tile begins",
                f"describe the multiple {step}, and a margin of at least {aligned}",
            )
    return UserError(
        "onnx-margin-wrong",
        f"{problem}; no margin up to {farthest} pixels would do: it depends on all of the image, "
        "or on chance",
        "use a network without attention over, or normalisation by, the whole image",
    )
