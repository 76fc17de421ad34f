"""The cost of a network: parameters, and multiply-adds by torch's own counter."""

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(model: nn.Module) -> int:
    """Return the number of trainable parameters; weights that are used twice count once."""
    return sum(weights.numel() for weights in model.parameters() if weights.requires_grad)


@torch.inference_mode()
def widest_layer(model: nn.Module, bands: int, side: int = 32) -> float:
    """Return how many numbers the widest layer reads and writes for each low-resolution pixel.

    A small image, with a side that is a multiple of the network's ``multiple``, is really
    computed, on the CPU in eval mode. Torch could do it without, but that takes two seconds of
    imports.
    """
    widest = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal widest
        widest = max(widest, output.numel() + sum(tensor.numel() for tensor in inputs))

    leaves = [module for module in model.modules() if not list(module.children())]
    handles = [leaf.register_forward_hook(count) for leaf in leaves]
    try:
        model(torch.zeros(1, bands, side, side))
    finally:
        for handle in handles:
            handle.remove()
    return widest / side**2


def multiply_adds_per_pixel(model: nn.Module, bands: int) -> float:
    """Return the `multiply_adds` for each low-resolution pixel, counted on an image of 64 x 64."""
    return multiply_adds(model, bands, 64, 64) / 64**2


def multiply_adds(model: nn.Module, bands: int, height: int, width: int) -> int:
    """Return the multiply-adds of upscaling one image of a size in low-resolution pixels.

    Convolutions and matrix products count. Interpolations, activations and normalisations do not:
    they are small in comparison. Nothing is computed, so any size is quick.
    """
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    shapes = {name: tensor.to("meta") for name, tensor in tensors.items()}
    image = torch.empty(1, bands, height, width, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        functional_call(model, shapes, (image,))
    return counter.get_total_flops() // 2
