"""What a network costs: parameters, and multiply-adds by torch's own counter."""

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(model: nn.Module) -> int:
    """Return how many numbers training changes; weights that are used twice count once."""
    return sum(weights.numel() for weights in model.parameters() if weights.requires_grad)


def multiply_adds(model: nn.Module, bands: int, height: int, width: int) -> int:
    """Return the multiply-adds of upscaling one image.

    Convolutions and matrix products count; interpolations, activations and normalisations, which
    are small beside them, do not. Nothing is computed, so any size is quick.

    Args:
        model: A network, on any device; it is not changed.
        bands: Bands of the image.
        height: Its height in low-resolution pixels.
        width: Its width in low-resolution pixels.
    """
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    shapes = {name: tensor.to("meta") for name, tensor in tensors.items()}
    image = torch.empty(1, bands, height, width, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        functional_call(model, shapes, (image,))
    return counter.get_total_flops() // 2
