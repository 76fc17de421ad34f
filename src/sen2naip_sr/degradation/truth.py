"""What is done to HR before a sensor observes it: coarser pixels, orientation, tone, softness."""

import torch
from torch import Tensor
from torch.nn import functional as F

from sen2naip_sr.degradation.blur import blur_matrices
from sen2naip_sr.degradation.draws import Draws, expanded
from sen2naip_sr.degradation.parameters import TruthParameters

EIGHT_BITS = 255
"""Largest digital number of 8-bit imagery."""
_DARKEST = 1e-6


def reduced(images: Tensor, factor: int) -> Tensor:
    """Return the mean of ``factor`` x ``factor`` pixels: (B, C, h, w) to (B, C, h / f, w / f)."""
    return F.avg_pool2d(images, factor) if factor > 1 else images


def rounded(images: Tensor) -> Tensor:
    """Return images in [0, 1] as 8-bit digital numbers hold them, in [0, 1] again."""
    return (images.clamp(0, 1) * EIGHT_BITS).round() / EIGHT_BITS


def oriented(images: Tensor, draws: Draws) -> Tensor:
    """Return square images (B, C, n, n) in one of the eight orientations each."""
    for turned in (lambda x: x.flip(2), lambda x: x.flip(3), lambda x: x.transpose(2, 3)):
        images = torch.where(expanded(draws.chance(0.5), images), turned(images), images)
    return images


def varied(hr: Tensor, deep: Tensor, parameters: TruthParameters, draws: Draws) -> Tensor:
    """Vary tone, bands and softness of square images.

    Args:
        hr: (B, C, n, n), values in [0, 1].
        deep: (B,), whether an image has more than 8 bits. Others are rounded to 8.
        parameters: The shares and ranges.
        draws: For B images.

    Returns:
        The same shape, from 0 on.
    """
    toned = expanded(draws.chance(parameters.toned), hr)
    hr = torch.where(toned, _toned(hr, deep, parameters, draws), hr)
    hr = _inverted(_foreign(_permuted(hr, parameters, draws), parameters, draws), parameters, draws)
    hr = _softened(hr, parameters, draws)
    return torch.where(expanded(deep, hr), hr.clamp(min=0), rounded(hr))


def _toned(hr: Tensor, deep: Tensor, parameters: TruthParameters, draws: Draws) -> Tensor:
    bands = hr.shape[1]
    low, high = parameters.gain
    darkest, brightest = parameters.deep_gain
    gain = torch.where(
        deep[:, None],
        draws.log_uniform(1, low=darkest, high=brightest),
        draws.uniform(1, low=low, high=high),
    )
    spread, shift = parameters.band_gain, parameters.band_offset
    gain = gain * draws.uniform(bands, low=1 - spread, high=1 + spread)
    offset = draws.uniform(bands, low=-shift, high=shift)
    power = torch.exp(draws.uniform(low=-parameters.gamma, high=parameters.gamma))
    power = torch.where(draws.chance(parameters.gamma_share), power, 1.0)
    raised = (hr.clamp(0, 1) + _DARKEST) ** expanded(power, hr)
    return raised * gain[..., None, None] + offset[..., None, None]


def _permuted(hr: Tensor, parameters: TruthParameters, draws: Draws) -> Tensor:
    bands = hr.shape[1]
    order = torch.arange(bands, device=hr.device).expand(len(hr), bands)
    permuted = draws.chance(parameters.permuted)[:, None]
    order = torch.where(permuted, draws.uniform(bands).argsort(1), order)
    grey = draws.chance(parameters.grey)[:, None]
    order = torch.where(grey, draws.index(bands)[:, None], order)
    # without it, nothing is drawn
    if parameters.dropped and bands > 1:
        order = _without_band(order, draws.chance(parameters.dropped), draws)
    return hr.gather(1, order[..., None, None].expand_as(hr))


def _without_band(order: Tensor, dropped: Tensor, draws: Draws) -> Tensor:
    """Return the order (B, C) in which, where (B,) says so, a band is replaced by another."""
    bands = order.shape[1]
    missing = draws.index(bands)
    copied = (missing + 1 + draws.index(bands - 1)) % bands
    place = torch.arange(bands, device=order.device) == missing[:, None]
    return torch.where(place & dropped[:, None], order.gather(1, copied[:, None]), order)


def _foreign(hr: Tensor, parameters: TruthParameters, draws: Draws) -> Tensor:
    bands = torch.arange(hr.shape[1], device=hr.device)
    taken = (bands == draws.index(len(bands))[:, None]) & draws.chance(parameters.foreign)[:, None]
    return torch.where(taken[..., None, None], hr.roll(1, 0), hr)


def _inverted(hr: Tensor, parameters: TruthParameters, draws: Draws) -> Tensor:
    bands = draws.uniform(hr.shape[1]) < 0.5
    chosen = bands & draws.chance(parameters.inverted)[:, None]
    return torch.where(chosen[..., None, None], 1 - hr, hr)


def _softened(hr: Tensor, parameters: TruthParameters, draws: Draws) -> Tensor:
    low, high = parameters.softness
    sigma = draws.uniform(1, 2, low=low, high=high)
    isotropic = expanded(draws.chance(parameters.soft_isotropic), sigma)
    sigma = torch.where(isotropic, sigma[..., :1], sigma)
    of_bands = sigma * draws.uniform(hr.shape[1], 1)
    sigma = torch.where(expanded(draws.chance(parameters.soft_bands), sigma), of_bands, sigma)
    sigma = torch.where(expanded(draws.chance(parameters.softened), sigma), sigma, 0.0)
    vertical, horizontal = blur_matrices(sigma, hr.shape[-1]).unbind(2)
    return vertical @ hr @ horizontal.mT
