"""A model applied to digital numbers: normalised, upscaled, put back, rounded."""

import numpy as np
import torch
from torch import Tensor, nn

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation import quantise


def normalised(array: Array, value_range: tuple[float, float], device: torch.device) -> Tensor:
    """Return digital numbers (B, C, h, w) as what networks take: float32, channels last.

    Args:
        array: Digital numbers of any real dtype.
        value_range: Digital numbers that become 0 and 1.
        device: Where the tensor goes.
    """
    low, high = value_range
    values = torch.from_numpy(array.astype(np.float32))
    return (values.to(device, memory_format=torch.channels_last) - low) / (high - low)


@torch.no_grad()
def predict(
    model: nn.Module, lr: Array, value_range: tuple[float, float], device: torch.device
) -> Tensor:
    """Upscale digital numbers twofold.

    Args:
        model: In eval mode, on ``device``.
        lr: (B, C, h, w) of any real dtype.
        value_range: Digital numbers that become 0 and 1 for the model.
        device: Where to compute.

    Returns:
        Digital numbers (B, C, 2h, 2w), float32 on ``device``, clipped and rounded to what the
        dtype of ``lr`` can hold.
    """
    low, high = value_range
    upscaled = model(normalised(lr, value_range, device)).float() * (high - low) + low
    return quantise(upscaled, lr.dtype)
