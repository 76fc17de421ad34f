"""How much of each spatial frequency is in an image: the radially averaged power spectrum.

A prediction that is too smooth lacks power at high frequencies, one with invented texture or a
checkerboard has too much of it; neither can be told from the mean squared error. Comparing
radially averaged spectra of generated and real images is the diagnosis of Durall, Keuper and
Keuper 2020, "Watch your Up-Convolution: CNN Based Generative Deep Neural Networks are Failing to
Reproduce Spectral Distributions", https://arxiv.org/abs/2003.01826.
"""

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST = 16
"""Fewest pixels a side that a spectrum is made of."""

_NYQUIST = 0.5
_FLOOR = 1e-12  # of the strongest frequency's power: -120 dB, far below the noise of any sensor


def radial_power_spectrum(images: "Tensor", bins: int) -> "tuple[Tensor, Tensor]":
    """Return the power of images by spatial frequency, whatever the direction.

    Each band's mean is removed and a Hann window (symmetric, so that mirrored images have the
    same spectrum) keeps the image's border, where it does not continue periodically, out of the
    high frequencies. Power is the squared modulus of the Fourier transform over the window's
    energy: white noise of variance v has power v at every frequency. It is averaged over the
    bands and over the ring of frequencies that are nearer to a bin's centre than to any other;
    frequencies above 0.5 (the corners of the frequency plane) are left out.

    Args:
        images: (B, C, H, W), float, any unit; H and W at least 16.
        bins: How many, at most half of the shorter side, so that none is empty.

    Returns:
        The bins' centres in cycles per pixel (bins,), 0.5 / bins to 0.5, and the power
        (B, bins) in the images' unit squared. At least float32, on the images' device.

    Raises:
        ValueError: If the images are too small, or there are too many bins or none.
    """
    import torch

    height, width = images.shape[-2:]
    if min(height, width) < SMALLEST:
        raise ValueError(f"images of {height} x {width} pixels: a spectrum needs {SMALLEST} a side")
    if not 1 <= bins <= min(height, width) // 2:
        raise ValueError(f"{bins} bins: give 1 to {min(height, width) // 2}")
    images = images.to(torch.promote_types(images.dtype, torch.float32))
    window = torch.outer(*(_hann(side, images) for side in (height, width)))
    # the mean under the window: with the plain one, the rest would leak into the lowest bin
    mean = (images * window).sum(dim=(-2, -1), keepdim=True) / window.sum()
    power = (
        torch.fft.fft2((images - mean) * window).abs().square().mean(dim=1) / window.square().sum()
    )
    ring = _rings(height, width, bins).to(images.device)
    totals = power.new_zeros(len(images), bins + 2).index_add(1, ring, power.flatten(1))
    counts = torch.bincount(ring, minlength=bins + 2)
    frequencies = torch.arange(1, bins + 1, dtype=images.dtype, device=images.device)
    return frequencies * (_NYQUIST / bins), (totals / counts)[:, 1:-1]


def spectral_distance(prediction: "Tensor", truth: "Tensor", above: float = 0.125) -> "Tensor":
    """Return how far the spectra of predictions and truth are apart at high frequencies.

    It is the mean over frequencies of the absolute ratio of powers in dB. At 2x, the
    low-resolution image holds frequencies up to 0.25 cycles per high-resolution pixel and, after
    the antialiasing filter, few near that; above half of it, 0.125, a prediction is on its own.
    Power more than 120 dB below the strongest frequency's counts as that: a constant image has
    a finite distance to any other.

    Args:
        prediction: (B, C, H, W), float; H and W at least 16.
        truth: Same shape and unit.
        above: The frequencies that count lie above this, in cycles per pixel, up to 0.5.

    Returns:
        (B,) in dB, at least float32; 0 for equal spectra. Its sign is lost: a smooth prediction
        and a noisy one can be equally far.

    Raises:
        ValueError: If the shapes differ, the images are too small or no frequency is above
            ``above``.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"shapes differ: {tuple(prediction.shape)} and {tuple(truth.shape)}")
    bins = min(truth.shape[-2:]) // 2
    frequencies, found = radial_power_spectrum(prediction, bins)
    _, expected = radial_power_spectrum(truth, bins)
    high = frequencies > above
    if not high.any():
        raise ValueError(f"no frequency above {above}: give less than 0.5")
    floor = _smallest_power(prediction, found).maximum(_smallest_power(truth, expected))
    ratio = found.maximum(floor)[:, high] / expected.maximum(floor)[:, high]
    return 10 * ratio.log10().abs().mean(dim=1)


def _hann(side: int, like: "Tensor") -> "Tensor":
    import torch

    return torch.hann_window(side, periodic=False, dtype=like.dtype, device=like.device)


@lru_cache(maxsize=4)
def _rings(height: int, width: int, bins: int) -> "Tensor":
    """Return each frequency's bin (H * W,): 1 to ``bins``; 0: around none, bins + 1: corners."""
    import torch

    # in float64: in float32, frequencies at a ring's edge would fall on either side of it
    vertical = torch.fft.fftfreq(height, dtype=torch.float64)
    horizontal = torch.fft.fftfreq(width, dtype=torch.float64)
    radius = torch.hypot(vertical[:, None], horizontal[None, :]).flatten()
    ring = (radius * (bins / _NYQUIST)).round().long()
    return torch.where(radius > _NYQUIST, bins + 1, ring)


def _smallest_power(images: "Tensor", power: "Tensor") -> "Tensor":
    """Return the power (B, 1) below which there is only rounding or nothing of interest."""
    import torch

    rounding = images.abs().amax(dim=(1, 2, 3)).to(power.dtype) * torch.finfo(power.dtype).eps
    floor = (_FLOOR * power.amax(dim=1)).maximum(rounding.square())
    return floor.clamp(min=torch.finfo(power.dtype).tiny)[:, None]


def _joint(pair: Pair, bands: "Tensor | None") -> "Tensor":
    """Return the distance above half of LR's Nyquist frequency; NaN below 16 pixels a side."""
    if min(pair.truth.shape[-2:]) < SMALLEST:
        return pair.truth.new_full((), math.nan)
    lowest = 0.25 / pair.ratio
    return spectral_distance(pair.prediction[None], pair.truth[None], lowest)[0]


METRIC = Metric(
    key="spectrum",
    title="spectrum",
    unit="dB",
    higher_is_better=False,
    position=90,
    joint=_joint,
    shown="narrow",
    overview=True,
)
