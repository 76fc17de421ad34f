"""Lossy compression as it changes pixels: JPEG, and the wavelets of JPEG 2000.

Only what is lost is computed: transform, quantisation and the way back, for whole batches on any
device. Entropy coding loses nothing and is left out.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

BLOCK = 8
LUMINANCE_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = ((17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99))
_CHROMINANCE_REST = 99
LUMINANCE_WEIGHTS = (0.299, 0.587, 0.114)
_TO_YCC = (LUMINANCE_WEIGHTS, (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_TO_RGB = tuple(map(tuple, torch.linalg.inv(torch.tensor(_TO_YCC)).tolist()))
_LIFTING = (-1.586134342, -0.05298011854, 0.8829110762, 0.4435068522)
_LIFTING_SCALE = 1.149604398
_WAVELET_LEVELS = 3
_CENTRE = 128


def table_scale(quality: float) -> float:
    """Return by what JPEG's tables are multiplied at a quality from 50 to 100."""
    return (200 - 2 * quality) / 100


def jpeg_quality(scale: float) -> float:
    """Return the quality, from 50 to 100, of a `table_scale`."""
    return 100 - 50 * scale


def jpeg(values: Tensor, scale: Tensor, colour: Tensor | None = None) -> Tensor:
    """Compress images and return what is left of them.

    ISO/IEC 10918-1, annexes A and K. The block grid starts at the first pixel.

    Args:
        values: (B, C, h, w), integers from 0 to 255 as floats; h and w are multiples of 8.
        scale: (B,), `table_scale` of the quality.
        colour: (B,), whether the first three bands become luminance and chrominance at full
            resolution. Else each band is compressed as luminance, as GDAL compresses images with
            four bands. None: none.

    Returns:
        (B, C, h, w), rounded and clipped to 0 to 255.
    """
    luminance = _table(LUMINANCE_TABLE, scale)
    result = _quantised(values, luminance[:, None])
    if colour is not None and values.shape[1] >= 3:
        converted = _in_colour(values[:, :3], luminance, scale)
        in_colour = torch.cat((converted, result[:, 3:]), 1)
        result = torch.where(colour[:, None, None, None], in_colour, result)
    return result.round().clamp(0, 255)


def wavelet(values: Tensor, step: Tensor) -> Tensor:
    """Quantise the coefficients of the 9/7 wavelet of JPEG 2000 (ISO/IEC 15444-1, annex F).

    Args:
        values: (B, C, h, w), from 0 to 255; h and w are multiples of 8. Borders are periodic.
        step: (B,), the quantiser's step in digital numbers, the same for all subbands.

    Returns:
        (B, C, h, w), rounded and clipped to 0 to 255.
    """
    step = step[:, None, None, None]

    def quantise(subband: Tensor) -> Tensor:
        level = torch.floor(subband.abs() / step)
        # what falls into the dead zone around zero is lost
        return torch.where(level > 0, torch.sign(subband) * (level + 0.5) * step, 0.0)

    return (_wavelet(values - _CENTRE, quantise, _WAVELET_LEVELS) + _CENTRE).round().clamp(0, 255)


def shifted_grid(
    compress: Callable[[Tensor], Tensor], values: Tensor, down: Tensor, right: Tensor
) -> Tensor:
    """Compress with a block grid that does not start at the first pixel.

    Args:
        compress: Maps (B, C, h, w) to the same shape.
        values: (B, C, h, w). The last rows and columns share blocks with the first ones.
        down: Rows before the first block begins, one whole number.
        right: Columns before it, one whole number.
    """
    return _rolled(compress(_rolled(values, down, right)), -down, -right)


def _rolled(values: Tensor, down: Tensor, right: Tensor) -> Tensor:
    # shifts stay on the device: a GPU need not wait for them
    height, width = values.shape[-2:]
    rows = (torch.arange(height, device=values.device) + down) % height
    columns = (torch.arange(width, device=values.device) + right) % width
    return values.index_select(-2, rows).index_select(-1, columns)


def _table(base: tuple[tuple[int, ...], ...], scale: Tensor) -> Tensor:
    table = torch.full((BLOCK, BLOCK), float(_CHROMINANCE_REST), device=scale.device)
    table[: len(base), : len(base)] = _constant(base, scale.device)
    return (table * scale[:, None, None]).round().clamp(1, 255)


def _quantised(values: Tensor, table: Tensor) -> Tensor:
    transform = block_cosines(values.device)
    height, width = values.shape[-2:]
    blocks = (values - _CENTRE).unflatten(-2, (height // BLOCK, BLOCK))
    blocks = blocks.unflatten(-1, (width // BLOCK, BLOCK)).transpose(-3, -2)
    steps = table[:, :, None, None]
    coefficients = (transform @ blocks @ transform.T / steps).round() * steps
    restored = (transform.T @ coefficients @ transform).transpose(-3, -2)
    return restored.flatten(-2).flatten(-3, -2) + _CENTRE


def _in_colour(rgb: Tensor, luminance: Tensor, scale: Tensor) -> Tensor:
    to_ycc = _constant(_TO_YCC, rgb.device)
    chrominance = _table(_CHROMINANCE, scale)
    centre = _constant((0, _CENTRE, _CENTRE), rgb.device)[:, None, None]
    ycc = torch.einsum("ij,bjhw->bihw", to_ycc, rgb) + centre
    tables = torch.stack((luminance, chrominance, chrominance), 1)
    left = _quantised(ycc, tables) - centre
    return torch.einsum("ij,bjhw->bihw", _constant(_TO_RGB, rgb.device), left)


@cache
def _constant(values: tuple[Any, ...], device: torch.device) -> Tensor:
    # copied once: a copy from the host would wait for the device, and cannot be captured
    return torch.tensor(values, dtype=torch.float32, device=device)


def block_cosines(device: torch.device) -> Tensor:
    """Return the orthonormal matrix of the discrete cosine transform of a block's column."""
    k = torch.arange(BLOCK, dtype=torch.float32, device=device)
    cosines = torch.cos((2 * k + 1) * k[:, None] * math.pi / (2 * BLOCK)) / 2
    cosines[0] /= math.sqrt(2)
    return cosines


def _wavelet(values: Tensor, quantise: Callable[[Tensor], Tensor], levels: int) -> Tensor:
    if levels == 0:
        return values
    low, high = _split(values, -2)
    (low_low, low_high), (high_low, high_high) = _split(low, -1), _split(high, -1)
    low = _joined(_wavelet(low_low, quantise, levels - 1), quantise(low_high), -1)
    return _joined(low, _joined(quantise(high_low), quantise(high_high), -1), -2)


def _split(values: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    even, odd = values.unflatten(axis, (-1, 2)).unbind(axis % values.ndim + 1)
    for k, weight in enumerate(_LIFTING):
        if k % 2 == 0:
            odd = odd + weight * (even + even.roll(-1, axis))
        else:
            even = even + weight * (odd + odd.roll(1, axis))
    scale = _LIFTING_SCALE / math.sqrt(2)
    return even / scale, odd * scale


def _joined(even: Tensor, odd: Tensor, axis: int) -> Tensor:
    scale = _LIFTING_SCALE / math.sqrt(2)
    even, odd = even * scale, odd / scale
    for k, weight in reversed(list(enumerate(_LIFTING))):
        if k % 2 == 0:
            odd = odd - weight * (even + even.roll(-1, axis))
        else:
            even = even - weight * (odd + odd.roll(1, axis))
    axis = axis % even.ndim
    return torch.stack((even, odd), axis + 1).flatten(axis, axis + 1)
