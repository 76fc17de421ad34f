"""Whole images upscaled: the path that scores, figures and calibrations take.

It is made of the same three steps as the upscaling of scenes (`sen2naip_sr.inference.tiled`):
`values.normalise`, a network, `values.denormalise`.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sen2naip_sr.arrays import Array
from sen2naip_sr.inference.values import ValueRange, denormalise, normalise

if TYPE_CHECKING:
    from sen2naip_sr.inference.network import Network


def predict(network: "Network", lr: Array, value_range: ValueRange) -> Array:
    """Upscale images twofold, each in one piece, without surroundings.

    Args:
        network: What upscales; made by `sen2naip_sr.inference.network.make_network`.
        lr: Digital numbers (B, C, h, w) of any real dtype.
        value_range: Digital numbers that become 0 and 1 for the network.

    Returns:
        Digital numbers (B, C, 2h, 2w). For integer data they are rounded and clipped to what the
        dtype of ``lr`` can hold, in a float dtype, in which a prediction that is not a number
        stays one.

    Raises:
        UserError: If the images have other bands than the network, or do not fit into memory.
    """
    return denormalise(network(normalise(lr, value_range)), lr, value_range)


def normalised(array: Array, value_range: ValueRange, device: torch.device) -> Tensor:
    """Return digital numbers (B, C, h, w) as training takes them, computed on the device.

    The result has the same shape, in float32, channels last, not clipped. For up to 16 bits these
    are the bits of `values.normalise`.
    """
    low, high = value_range
    values = torch.from_numpy(array.astype("float32"))
    return (values.to(device, memory_format=torch.channels_last) - low) / (high - low)
