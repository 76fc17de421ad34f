"""What torch keeps private and this project needs, in one place.

A version of torch may drop or rename any of it. Each function then falls back where there is a
fallback; the tests of this module fail and say what to do.
"""

import torch
from torch import Tensor


def has_nnpack() -> bool:
    """Return whether torch was built with NNPACK and this processor can run it; sets it up."""
    available = getattr(torch, "_nnpack_available", None)
    return available is not None and hasattr(torch, "_nnpack_spatial_convolution") and available()


def nnpack_convolution(features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve with stride 1 and a border of one pixel of zeros, by NNPACK's Winograd kernels.

    Args:
        features: (1, inputs, h, w), float32, on the CPU.
        weight: (outputs, inputs, 3, 3), float32.
        bias: (outputs,), float32, or None.
    """
    return torch._nnpack_spatial_convolution(features, weight, bias, 1, 1)


def cpu_multiplies_bfloat16() -> bool:
    """Return whether this processor has instructions that multiply in bfloat16."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)


def keep_backward_buffers() -> None:
    """Let compiled networks keep the buffers of a backward pass for another one."""
    from torch._functorch import config

    config.donated_buffer = False
