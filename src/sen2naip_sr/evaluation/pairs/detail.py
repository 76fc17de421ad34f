"""Detail above the Nyquist frequency of the bands, and the truth's detail predicted from it."""

from dataclasses import dataclass

import numpy as np

from sen2naip_sr.arrays import Array

SIGMA = 1.2
"""Detail is an image minus its Gaussian blur of this standard deviation, in pixels of the result.
It holds 83 % of the amplitude at the Nyquist frequency of the bands, and 36 % at half of it."""

MARGIN = 8
"""Pixels of the result around missing data and inside the edges that are not compared: what is
there depends on what blurs, networks and interpolations assume beyond the data."""


@dataclass(frozen=True)
class Detail:
    """The detail of an image.

    Attributes:
        values: (C, H, W), float64.
        known: (H, W), bool: at least `MARGIN` from missing data and from the edges.
    """

    values: Array
    known: Array


def detail_of(image: Array) -> Detail:
    """Return the detail of an image (C, H, W), float, NaN where there is no data."""
    from scipy.ndimage import binary_erosion, gaussian_filter

    valid = np.isfinite(image)
    filled = np.where(valid, image, 0.0)
    count = np.maximum(valid.sum((1, 2), keepdims=True), 1)
    # any constant would do, but a far one would cost digits
    filled = np.where(valid, image, filled.sum((1, 2), keepdims=True) / count)
    values = filled - gaussian_filter(filled, (0, SIGMA, SIGMA), mode="nearest")
    known: Array = np.all(valid, 0)
    for shape in ((2 * MARGIN + 1, 1), (1, 2 * MARGIN + 1)):
        known = binary_erosion(known, np.ones(shape, bool))
    return Detail(values, known)


@dataclass(frozen=True)
class Fit:
    """How well details predict the detail of a truth, as means over the bands of the truth.

    Attributes:
        missed: Share of the truth's variance that the best linear prediction misses.
        correlation: Of that prediction and the truth.
    """

    missed: float
    correlation: float


def fit(details: Array, truth: Array, panchromatic: bool) -> Fit:
    """Predict the detail of a truth by least squares.

    Args:
        details: (C, n), details of the bands at n pixels.
        truth: (T, n), that of the truth.
        panchromatic: Whether the truth is one band, predicted from all bands. Else each of its
            bands is predicted from the same band.
    """
    inputs = [details] if panchromatic else [band[None] for band in details]
    shares = np.array([_missed(i, target) for i, target in zip(inputs, truth, strict=True)])
    return Fit(float(shares.mean()), float(np.sqrt(1 - shares).mean()))


def _missed(inputs: Array, target: Array) -> float:
    inputs = inputs - inputs.mean(1, keepdims=True)
    target = target - target.mean()
    variance = target @ target
    if variance == 0:
        return 1.0
    # with singular values, since bands may be copies of each other
    weights = np.linalg.lstsq(inputs @ inputs.T, inputs @ target, rcond=1e-10)[0]
    left = target - weights @ inputs
    return float(np.clip(left @ left / variance, 0, 1))
