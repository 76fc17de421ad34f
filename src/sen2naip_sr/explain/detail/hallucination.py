"""Whether what a network added is real: with truth, and signs of it without.

With truth: the three shares of Aybar et al. 2024, "A comprehensive benchmark for optical remote
sensing image super-resolution" (opensr-test), https://doi.org/10.1109/LGRS.2024.3401394. With the
normalised distances of prediction to truth and of prediction to upscaled input, both over that of
upscaled input to truth, a pixel is nearest to improvement, omission or hallucination.
Constants are those of opensr-test's defaults. Its corrections of colour and position are left out:
the input here is made from the truth. Pixels count where input and truth differ most.

Without truth nothing can prove an invention. Three signs are measured: whether the result agrees
with the input, how much it added beyond the input's Nyquist frequency, and whether it stays the
same when the input is flipped and turned, as that of a network that is sure nearly does.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.inference.ensemble import SelfEnsemble
from sen2naip_sr.inference.values import ValueRange, normalise

if TYPE_CHECKING:
    from sen2naip_sr.inference.network import Network

STEEPNESS, TEMPERATURE = 0.05, 0.25
DIFFERING = 0.75
"""The share of pixels in which input and truth differ least, which do not count."""
ENSEMBLE_SIDE = 64
"""Side of the part of the input that is flipped and turned, in LR pixels."""
_SMALL = 1e-6


@dataclass(frozen=True)
class Correctness:
    """Shares of the pixels that count; they sum to 1.

    Attributes:
        improvement: What was added is in the truth.
        omission: Nothing was added where something is missing.
        hallucination: What was added is not in the truth.
        map: (H, W), float: which of the three a pixel is nearest to, 0, 1, 2; NaN: does not count.
    """

    improvement: float
    omission: float
    hallucination: float
    map: Array


def correctness(prediction: Array, upscaled: Array, truth: Array, low: float) -> Correctness:
    """Return the shares of improvement, omission and hallucination.

    Args:
        prediction: (C, H, W), digital numbers.
        upscaled: The input, bilinearly upscaled to the same shape.
        truth: The same shape.
        low: Digital number of zero radiance.
    """
    sr, lr, hr = (each.astype(np.float64) - low for each in (prediction, upscaled, truth))
    reference = _distance(lr, hr)
    counts = (reference > np.quantile(reference, DIFFERING)) & (reference > _SMALL)
    scale = np.where(counts, reference, 1.0)
    to_truth, to_input = _distance(sr, hr) / scale, _distance(sr, lr) / scale
    beyond = 1 - np.exp(-STEEPNESS * (to_truth + to_input - 1))
    scores = np.stack(
        (
            to_truth + to_input * beyond,
            to_input + to_truth * beyond,
            np.exp(-STEEPNESS * to_truth * to_input),
        )
    )
    weights = np.exp(-(scores - scores.min(axis=0)) / TEMPERATURE)
    weights /= weights.sum(axis=0)
    if not counts.any():
        return Correctness(math.nan, math.nan, math.nan, np.full(counts.shape, np.nan))
    shares = weights[:, counts].mean(axis=1)
    nearest = np.where(counts, weights.argmax(axis=0), np.nan)
    improvement, omission, hallucination = map(float, shares)
    return Correctness(improvement, omission, hallucination, nearest)


def _distance(first: Array, second: Array) -> Array:
    """Return the mean over bands of the normalised difference (H, W)."""
    total = np.abs(first) + np.abs(second)
    return (np.abs(first - second) / np.maximum(total, _SMALL)).mean(axis=0)


def consistency_error(
    prediction: Array, lr: Array, downscale: Callable[[Array], Array], shave: int = 2
) -> float:
    """Return the RMSE between the downscaled prediction and the input, digital numbers.

    Args:
        prediction: (C, 2h, 2w).
        lr: (C, h, w).
        downscale: The recipe, without its random part.
        shave: LR pixels at each border that do not count.
    """
    residual = downscale(prediction.astype(np.float64)) - lr.astype(np.float64)
    inner = residual[..., shave:-shave, shave:-shave]
    return float(np.sqrt(np.square(inner).mean()))


def disagreement(network: "Network", lr: Array, value_range: ValueRange) -> float:
    """Return the spread of the eight predictions of flips and turns, digital numbers.

    It is the root of the mean variance over the eight, of all bands and pixels.

    Args:
        network: What upscales.
        lr: (C, h, w), digital numbers; of a larger one, the middle `ENSEMBLE_SIDE` pixels count.
        value_range: Digital numbers of 0 and 1.
    """
    multiple = network.multiple
    height, width = (min(side, ENSEMBLE_SIDE) // multiple * multiple for side in lr.shape[-2:])
    top, left = (lr.shape[-2] - height) // 2, (lr.shape[-1] - width) // 2
    tile = normalise(lr[None, :, top : top + height, left : left + width], value_range)
    found = np.concatenate(list(SelfEnsemble(network).predictions(tile)))
    low, high = value_range
    return float(np.sqrt(found.astype(np.float64).var(axis=0).mean()) * (high - low))
