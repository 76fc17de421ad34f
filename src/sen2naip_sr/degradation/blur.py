"""Point spread functions and decimation by two, as matrices.

A separable downscaling is one matrix an axis: LR = V @ HR @ H.T. The matrices hold blur, decimation
and the treatment of borders, and may differ from image to image and from band to band.
"""

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

DECIMATIONS = ("antialiased", "area", "aliased", "bilinear")
"""Bicubic with and without an antialiasing filter, the mean of two pixels, bilinear with one."""

_NARROWEST = 0.12
"""A Gaussian of this width, in HR pixels, is the identity within a millionth."""
_LARGEST, _SMALLEST = 0.9999, 1e-4


@cache
def decimation_matrices(size: int, device: torch.device | None = None) -> Tensor:
    """Return how each of `DECIMATIONS` halves an axis.

    Args:
        size: HR pixels of the axis, even.
        device: Where the result is.

    Returns:
        (4, size / 2, size), float32. Each row sums to one. Calls with the same arguments share
        the result.
    """
    pixels = torch.eye(size)[None, None]

    def resized(mode: str, antialias: bool) -> Tensor:
        shape = (size // 2, size)
        return F.interpolate(pixels, size=shape, mode=mode, antialias=antialias)[0, 0]

    area = F.avg_pool2d(pixels, (2, 1))[0, 0]
    matrices = [
        resized("bicubic", True),
        area,
        resized("bicubic", False),
        resized("bilinear", True),
    ]
    return torch.stack(matrices).to(device)


def blur_matrices(sigma: Tensor, size: int) -> Tensor:
    """Return Gaussian blurs of an axis.

    Args:
        sigma: (...), standard deviations in pixels; 0 leaves the axis as it is.
        size: Pixels of the axis.

    Returns:
        (..., size, size). Each row sums to one, so borders do not get darker.
    """
    positions = torch.arange(size, device=sigma.device, dtype=sigma.dtype)
    squares = (positions[:, None] - positions) ** 2
    kernel = torch.exp(-0.5 * squares / sigma[..., None, None].clamp(min=_NARROWEST) ** 2)
    return kernel / kernel.sum(-1, keepdim=True)


def widths(matrices: Tensor) -> Tensor:
    """Return the blur of downscalings by two as a network is told it.

    Args:
        matrices: (..., n, 2n), blur and decimation of an axis.

    Returns:
        (...), the width of the Gaussian with the same modulation transfer at LR's Nyquist
        frequency, in LR pixels: see `sen2naip_sr.models.conditions.equivalent_width`.
    """
    rows, columns = matrices.shape[-2:]
    middle = rows // 2
    offsets = torch.arange(columns, device=matrices.device) - (2 * middle + 0.5)
    transfer = (matrices[..., middle, :] * torch.cos(math.pi / 2 * offsets)).sum(-1).abs()
    return torch.sqrt(-2 * torch.log(transfer.clamp(_SMALLEST, _LARGEST))) / math.pi


def downscaled(hr: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    """Return LR.

    Args:
        hr: (B, C, 2h, 2w).
        vertical: (B or 1, C or 1, h, 2h).
        horizontal: (B or 1, C or 1, w, 2w).

    Returns:
        (B, C, h, w).
    """
    return vertical @ hr @ horizontal.mT
