"""Brighter and darker pairs of crops, whose LR stays the downscaled HR."""

import numpy as np
import torch

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation import quantise
from sen2naip_sr.training.parameters.crops import BandJitterParameters


def jitter_bands(
    generator: np.random.Generator,
    lr: Array,
    hr: Array,
    value_range: tuple[float, float],
    parameters: BandJitterParameters,
) -> tuple[Array, Array]:
    """Change the brightness of pairs: the same gain and offset for LR and HR of a crop and band.

    If a crop would leave the value range, one factor weakens all its gains and offsets until it
    just stays inside. Nothing is clipped, because LR of clipped HR is not clipped LR.

    Args:
        generator: Draws gains and offsets.
        lr: (B, C, h, w).
        hr: (B, C, 2h, 2w) in the same dtype.
        value_range: Digital numbers that map to 0 and 1.
        parameters: Limits.

    Returns:
        Changed copies of ``lr`` and ``hr``, rounded to their dtype.
    """
    low, high = value_range
    p, shape = parameters, (*hr.shape[:2], 1, 1)
    gain = generator.uniform(-p.gain, p.gain, (len(hr), 1, 1, 1))
    gain = gain + generator.uniform(-p.band_gain, p.band_gain, shape)
    offset = generator.uniform(-p.offset, p.offset, shape) * (high - low)
    change = np.concatenate([gain, offset], axis=3)
    change *= _strength(change, lr, hr, value_range)
    return _affine(lr, change, low), _affine(hr, change, low)


def _strength(change: Array, lr: Array, hr: Array, value_range: tuple[float, float]) -> Array:
    """Return the largest factor (B, 1, 1, 1) up to 1 of a change that keeps crops in range.

    A crop that is outside of the range already may stay as far outside.
    """
    axes = (2, 3)
    low, high = value_range
    # fmin and fmax ignore NaN
    darkest = np.fmin(np.fmin.reduce(lr, axes), np.fmin.reduce(hr, axes)).astype(float)
    brightest = np.fmax(np.fmax.reduce(lr, axes), np.fmax.reduce(hr, axes)).astype(float)
    lower, upper = np.fmin(low, darkest), np.fmax(high, brightest)
    gain, offset = change[:, :, 0, 0], change[:, :, 0, 1]
    strength = np.ones_like(gain)
    for value in (darkest, brightest):
        shift = gain * (value - low) + offset
        beyond = np.fmax(value + shift - upper, lower - value - shift).clip(0)
        strength = np.fmin(strength, 1 - beyond / np.fmax(np.abs(shift), np.finfo(float).tiny))
    return np.fmin.reduce(strength, axis=1)[:, None, None, None]


def _affine(crops: Array, change: Array, low: float) -> Array:
    gain, offset = change[..., :1].astype(np.float32), change[..., 1:].astype(np.float32)
    values = crops.astype(np.float32)
    changed = torch.from_numpy(values + gain * (values - np.float32(low)) + offset)
    return quantise(changed, crops.dtype).numpy().astype(crops.dtype)
