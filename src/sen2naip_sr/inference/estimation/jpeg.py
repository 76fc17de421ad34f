"""JPEG compression found in the pixels of an image: the block grid and the quality.

Decompressed pixels still show the quantisation. On the block grid the DCT coefficients cluster
around multiples of the table's steps, since only the rounding to whole numbers moves them. Fan and
de Queiroz 2003, "Identification of bitmap compression history", doi:10.1109/TIP.2002.807361, find
the table by maximum likelihood. Here coefficients before the quantisation have a Laplace
distribution, whose scale is that of the coefficients on a grid moved by half a block. What that
grid's coefficients say themselves is subtracted.
"""

import math

import torch
from torch import Tensor

from sen2naip_sr.degradation.compression import (
    BLOCK,
    LUMINANCE_TABLE,
    LUMINANCE_WEIGHTS,
    block_cosines,
    table_scale,
)

QUALITIES = tuple(range(50, 99))
"""Qualities that are told apart. At 99 nearly all steps are 1, and nothing is left to find."""

EVIDENCE = 0.3
"""Smallest mean log-likelihood ratio of a coefficient that counts as compression."""

_SPREAD = 0.3
"""Standard deviation of a coefficient after rounding the pixels to whole numbers: 12 ** -0.5."""
_OUTLIERS = 0.05
"""Share of coefficients that may lie anywhere, since clipping and saturation moved them."""
_LEAST_SCALE = 0.1
_NEARLY_ZERO = 0.5
_LARGEST = 20.0
_WINDOWS_FOR_GRID = 2


def jpeg_evidence(windows: Tensor) -> tuple[float, Tensor]:
    """Return the most likely scale of the quantisation table, and how likely each window finds it.

    Args:
        windows: (n, C, h, w), whole numbers from 0 to 255 as floats. All windows share the grid:
            they begin at multiples of 8 pixels of the image.

    Returns:
        The table's scale as `table_scale` gives it, and (n,) mean log-likelihood ratios of a
        coefficient against no compression.
    """
    planes = _with_luminance(windows)
    down, right = _grid(planes[:_WINDOWS_FOR_GRID])
    half = BLOCK // 2
    moved = ((down + half) % BLOCK, (right + half) % BLOCK)
    aligned, control = _coefficients(planes, down, right), _coefficients(planes, *moved)
    scale = control.abs().mean(-2, keepdim=True) + _LEAST_SCALE
    ratios = _log_likelihood(aligned, scale) - _log_likelihood(control, scale)
    bands = windows.shape[1]
    # compressed band by band, or in colour, where luminance is the first plane
    found = ratios[:, :bands].mean(1)
    if planes.shape[1] > bands:
        found = torch.maximum(found, ratios[:, bands])
    best = int(found.sum(0).argmax())
    return table_scale(QUALITIES[best]), found[:, best]


def _with_luminance(windows: Tensor) -> Tensor:
    if windows.shape[1] < len(LUMINANCE_WEIGHTS):
        return windows
    weights = torch.tensor(LUMINANCE_WEIGHTS)[:, None, None]
    luminance = (windows[:, : len(weights)] * weights).sum(1, keepdim=True)
    return torch.cat((windows, luminance), 1)


def _grid(planes: Tensor) -> tuple[int, int]:
    """Return the first row and column of the grid, on which most coefficients are nearly zero."""
    shares = torch.zeros(BLOCK, BLOCK)
    for down in range(BLOCK):
        for right in range(BLOCK):
            near = _coefficients(planes, down, right).abs() < _NEARLY_ZERO
            shares[down, right] = near.float().mean()
    best = int(shares.argmax())
    return best // BLOCK, best % BLOCK


def _coefficients(planes: Tensor, down: int, right: int) -> Tensor:
    """Return DCT coefficients without the mean: (n, C, blocks, 63)."""
    moved = planes[..., down:, right:]
    height, width = (side // BLOCK * BLOCK for side in moved.shape[-2:])
    blocks = moved[..., :height, :width].unflatten(-2, (-1, BLOCK)).unflatten(-1, (-1, BLOCK))
    transform = block_cosines(planes.device)
    coefficients = transform @ blocks.transpose(-3, -2) @ transform.T
    return coefficients.flatten(-4, -3).flatten(-2)[..., 1:]


def _log_likelihood(coefficients: Tensor, scale: Tensor) -> Tensor:
    """Return the mean log-likelihood ratio of each quality against no quantisation.

    Args:
        coefficients: (n, C, blocks, 63).
        scale: (n, C, 1, 63), of their Laplace distribution before the quantisation.

    Returns:
        (n, C, qualities).
    """
    height = _SPREAD * math.sqrt(2 * math.pi)
    density = -coefficients.abs() / scale - torch.log(2 * scale)
    found = []
    for steps in _steps():
        level = (coefficients / steps).round().abs()
        off = coefficients.abs() - level * steps
        # the share of the coefficients that this step rounds to the level
        nearest, farthest = ((level + side) * steps / scale for side in (-0.5, 0.5))
        beyond = torch.exp(-farthest)
        share = torch.where(level == 0, 1 - beyond, (torch.exp(-nearest) - beyond) / 2)
        peak = torch.log(share / height + 1e-30) - 0.5 * (off / _SPREAD) ** 2 - density
        ratio = torch.log((1 - _OUTLIERS) * torch.exp(peak.clamp(max=_LARGEST)) + _OUTLIERS)
        found.append((ratio * (steps > 1)).mean((-2, -1)))
    return torch.stack(found, -1)


def _steps() -> Tensor:
    """Return the table of each quality: (q, 63)."""
    scales = torch.tensor([table_scale(quality) for quality in QUALITIES])
    table = torch.tensor(LUMINANCE_TABLE, dtype=torch.float32).flatten()[1:]
    # halves are rounded up, as libjpeg does
    return (table * scales[:, None] + 0.5).floor().clamp(min=1)
