"""Numbers that tell noise and blur of an image: statistics of its finest structures.

Noise shows in the flattest blocks, and in what the bands do not share. Blur shows in the decay of
the spectrum along rows and columns, and in the steepness of edges.
"""

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK = 8
_CROSS = (1.0, -2.0, 1.0)
_BLOCK_SHARES = (0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.95)
_OWN_SHARES = (0.05, 0.25, 0.5, 0.9)
_STEP_SHARES = (0.5, 0.9, 0.99)
_EDGE_SHARES = (0.9, 0.99)
_RISE_SHARES = (0.25, 0.5, 0.75)
_REACH, _STRIDE = 9, 3
_STRONGEST = 0.05
_FREQUENCIES = 11
_FLATTEST = 0.1
_RIDGE = 1e-3
COUNT = 62
"""Features of a band."""

_SMALL, _LEAST_STEP = 0.05, 0.3
"""Added before logarithms: what 8 bits cannot show."""


def features(windows: Tensor) -> Tensor:
    """Return what is needed to estimate noise and blur.

    Args:
        windows: (n, C, h, w), digital numbers on a scale from 0 to 255, of at least 32 x 32.

    Returns:
        (n, C, `COUNT`), float32.
    """
    parts = [*_of_noise(windows), *_of_axis(windows), *_of_axis(windows.mT)]
    return torch.cat([part if part.ndim == 3 else part[..., None] for part in parts], -1)


def _of_noise(windows: Tensor) -> list[Tensor]:
    finest = _finest(windows)
    deviations = _blocks(finest).std(-1)
    levels = _blocks(windows[..., 1:-1, 1:-1]).std(-1)
    count = max(4, int(levels.shape[-1] * _FLATTEST))
    flattest = levels.argsort(-1)[..., :count]
    own = _blocks(_own(finest)).std(-1)
    return [
        _log_quantiles(deviations, _BLOCK_SHARES),
        torch.log(deviations.gather(-1, flattest).median(-1).values + _SMALL),
        torch.log(levels.gather(-1, flattest).median(-1).values + _SMALL),
        torch.log(windows.flatten(-2).std(-1) + _SMALL),
        _log_quantiles(own, _OWN_SHARES),
    ]


def _finest(windows: Tensor) -> Tensor:
    """Return the second differences in both directions, of the noise's standard deviation."""
    line = torch.tensor(_CROSS)
    kernel = line[:, None] * line
    kernel = (kernel / kernel.norm())[None, None]
    return F.conv2d(windows.flatten(0, 1)[:, None], kernel).unflatten(0, windows.shape[:2])[:, :, 0]


def _own(finest: Tensor) -> Tensor:
    """Return what no linear combination of the other bands predicts, band by band."""
    flat = finest.flatten(-2)
    gram = flat @ flat.mT / flat.shape[-1]
    bands = gram.shape[-1]
    # row b of the inverse, scaled, is band b minus its best prediction
    inverse = torch.linalg.inv(gram + _RIDGE * torch.eye(bands))
    rows = inverse / torch.diagonal(inverse, dim1=-2, dim2=-1)[..., None]
    return (rows @ flat).unflatten(-1, finest.shape[-2:])


def _of_axis(windows: Tensor) -> list[Tensor]:
    """Return what tells the blur along rows."""
    energies = _spectrum(windows)
    steps = [_some(windows[..., k:] - windows[..., :-k]) for k in (1, 2, 4)]
    sizes = [_quantiles(step, _STEP_SHARES) + _LEAST_STEP for step in steps]
    bends = windows[..., 2:] - 2 * windows[..., 1:-1] + windows[..., :-2]
    edges = _quantiles(steps[1], _EDGE_SHARES) + _LEAST_STEP
    return [
        energies[..., :1],
        energies[..., 1:] - energies[..., :1],
        *(torch.log(longer / shorter) for shorter, longer in pairwise(sizes)),
        torch.log((_quantiles(_some(bends), _EDGE_SHARES) + _LEAST_STEP) / edges),
        *_rises(windows),
    ]


def _rises(windows: Tensor) -> list[Tensor]:
    """Return which share of the strongest edges along rows lies within one and two pixels."""
    pool = partial(F.max_pool2d, stride=(1, _STRIDE))
    heights = pool(windows, (1, _REACH)) + pool(-windows, (1, _REACH))
    heights = heights.flatten(-2)
    chosen = heights.topk(max(8, int(heights.shape[-1] * _STRONGEST)), -1)
    parts = []
    for distance in (1, 2):
        steps = (windows[..., distance:] - windows[..., :-distance]).abs()
        largest = pool(steps, (1, _REACH - distance)).flatten(-2).gather(-1, chosen.indices)
        parts.append(_log_quantiles(largest / (chosen.values + _LEAST_STEP), _RISE_SHARES))
    return parts


def _some(differences: Tensor) -> Tensor:
    """Return the size of every third difference: enough for quantiles, which take most time."""
    return differences.flatten(-2)[..., ::3].abs()


def _spectrum(windows: Tensor) -> Tensor:
    """Return log energies of equal bands of frequency along rows, without the lowest."""
    size = windows.shape[-1]
    centred = windows - windows.mean(-1, keepdim=True)
    power = torch.fft.rfft(centred * torch.hann_window(size)).abs().square().mean(-2) / size
    edges = [round(k * power.shape[-1] / _FREQUENCIES) for k in range(1, _FREQUENCIES + 1)]
    bands = [power[..., first:last].mean(-1) for first, last in pairwise(edges)]
    return torch.log(torch.stack(bands, -1) + _SMALL**2)


def _blocks(images: Tensor) -> Tensor:
    height, width = (side // BLOCK * BLOCK for side in images.shape[-2:])
    cut = images[..., :height, :width]
    blocks = cut.unflatten(-2, (-1, BLOCK)).unflatten(-1, (-1, BLOCK)).transpose(-3, -2)
    return blocks.flatten(-4, -3).flatten(-2)


def _log_quantiles(values: Tensor, shares: tuple[float, ...]) -> Tensor:
    return torch.log(_quantiles(values, shares) + _SMALL)


def _quantiles(values: Tensor, shares: tuple[float, ...]) -> Tensor:
    """Return quantiles of the last axis: (..., shares)."""
    ordered = values.sort(-1).values
    last = values.shape[-1] - 1
    return ordered[..., [round(share * last) for share in shares]]
