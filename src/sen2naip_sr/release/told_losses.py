"""Which share of its gain a network loses when it is told a wrong width of the blur."""

import torch
from torch import Tensor, nn

from sen2naip_sr.degradation.blur import (
    DECIMATIONS,
    blur_matrices,
    decimation_matrices,
    downscaled,
    widths,
)
from sen2naip_sr.inference.estimation.regressor import LEVELS, WIDTHS
from sen2naip_sr.inference.estimation.windows import SCALE
from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.models.interpolation import Interpolation
from sen2naip_sr.progress import track
from sen2naip_sr.weights.files import Weights

_WIDEST, _STEPS = 2.6, 80
_LEAST_GAIN = 0.2
_NEAR = 0.04
"""A decimation counts if it reaches a width within this share of it."""


@torch.inference_mode()
def told_losses(weights: Weights, hr: Tensor) -> Tensor:
    """Measure the loss of telling each width, or nothing, for each true width.

    Args:
        weights: Weights with conditions.
        hr: (n, C, s, s), values in [0, 1], of training places.

    Returns:
        (`LEVELS`, `WIDTHS`, `WIDTHS` and nothing), losses relative to the best gain in PSNR over
        Lanczos. 0 for what is told best; above 1, the result is worse than Lanczos.
    """
    bands = hr.shape[1]
    rows = []
    for noise in LEVELS:
        level = noise / SCALE
        told = [
            weights.build(Conditions((level,) * bands, blur, 0.0))
            for blur in (*(((width, width),) * bands for width in WIDTHS), None)
        ]
        for width in track(WIDTHS, f"Noise {noise:g}", len(WIDTHS)):
            images = [_observed(hr, matrix, level) for matrix in _reaching(width, hr.shape[-1])]
            scores = [
                _mean_psnr(network, images, hr) for network in (Interpolation("lanczos"), *told)
            ]
            lanczos, *ours = torch.stack(scores)
            best = max(ours)
            rows.append((best - torch.stack(ours)) / (best - lanczos).clamp(min=_LEAST_GAIN))
    return torch.stack(rows).unflatten(0, (len(LEVELS), len(WIDTHS)))


def _reaching(width: float, size: int) -> list[Tensor]:
    """Return downscalings of the wanted width, or the one that comes closest."""
    sigma = torch.cat((torch.zeros(1), torch.linspace(0.3, _WIDEST, _STEPS)))
    blurs = blur_matrices(sigma, size)
    nearest = []
    for decimation in decimation_matrices(size)[: len(DECIMATIONS)]:
        offs = (widths(decimation @ blurs) - width).abs()
        nearest.append((float(offs.min()), decimation @ blurs[int(offs.argmin())]))
    near = [matrix for off, matrix in nearest if off < _NEAR * width]
    return near or [min(nearest, key=lambda pair: pair[0])[1]]


def _observed(hr: Tensor, matrix: Tensor, noise: float) -> Tensor:
    lr = downscaled(hr, matrix[None, None], matrix[None, None])
    random = torch.randn(lr.shape, generator=torch.Generator().manual_seed(0))
    return ((lr + noise * random).clamp(0, 1) * SCALE).round() / SCALE


def _mean_psnr(network: nn.Module, images: list[Tensor], hr: Tensor) -> Tensor:
    errors = torch.cat([(network(lr).clamp(0, 1) - hr)[..., 4:-4, 4:-4] for lr in images])
    return (-10 * torch.log10(errors.square().mean((1, 2, 3)))).mean()
