"""Intervals around predictions that hold the truth, from split conformal prediction.

Vovk, Gammerman and Shafer 2005, "Algorithmic Learning in a Random World"; Lei et al. 2018,
https://arxiv.org/abs/1604.04173, section 5.2: the score of a pixel is its absolute error divided
by a local scale, and the half-width is that scale times a quantile of the scores of chips that
were not trained on. Angelopoulos and Bates 2021, https://arxiv.org/abs/2107.07511, is an
introduction.

Pixels of one chip depend on each other, chips less so. Following Lee, Barber and Willett 2023,
https://arxiv.org/abs/2306.06342, every chip therefore has the same weight, and the quantile is
taken as if there were one more chip with infinite scores. The guarantee: over all draws of the
chips, the truth of a random pixel of a new chip, exchangeable with those of the calibration, lies
in the interval with at least the chosen probability. There is no guarantee for a given pixel or
land cover, nor for other places and sensors than those of the calibration. How well the scale
transfers to these can only be measured.
"""

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation import SCALE
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.values import ValueRange, doubled, normalise, restore
from sen2naip_sr.metrics.full_reference import SHAVE
from sen2naip_sr.weights.calibration import Calibration

if TYPE_CHECKING:
    from sen2naip_sr.inference.network import Network


LOCAL_SCALE = "detail@1"
"""Id of the formula in `local_scale`: change it whenever the result changes."""

HALO = 5
"""LR pixels around a window that its intervals depend on."""

FLOOR = 0.5 / 255
"""Share of the value range that is added to the parts of the scale: flat ground has errors too,
at least those of rounding."""

ROUND = 1.05
"""Just above the largest coherence, 1 at a straight edge: the scale stays positive."""

PIXELS_A_CHIP = 16_384
"""At most so many pixels of a chip are scored, the same ones in every band."""

_ROUNDING = 1e-9
_BLUR = {"truncate": 3.0, "axes": (-2, -1)}


def interval(prediction: Array, calibration: Calibration) -> Array:
    """Return the half-widths of the intervals around a prediction.

    Windows need `HALO` around them, cut off where the scene ends.

    Args:
        prediction: (C, 2h, 2w), digital numbers of any real dtype, all finite; not rounded.
        calibration: The calibration of the weights that predicted.

    Returns:
        Half-widths (C, 2h, 2w) in digital numbers, float32, equal in each LR pixel's 2 x 2. The
        interval lies around the written prediction, which is rounded if the data are integers.

    Raises:
        UserError: If the calibration is for other bands or another version's local scale.
    """
    if calibration.scale != LOCAL_SCALE:
        raise UserError(
            "calibration-outdated",
            f"the calibration is for the local scale '{calibration.scale}', not '{LOCAL_SCALE}'",
            "calibrate again with this version",
        )
    if len(calibration.quantiles) != len(prediction):
        raise UserError(
            "calibration-differs",
            f"the calibration is for {len(calibration.quantiles)} bands, not {len(prediction)}",
            "give the calibration of the weights that predict",
        )
    quantiles = np.array(calibration.quantiles, np.float32)[:, None, None]
    return quantiles * local_scale(prediction, calibration.value_range)


def calibrate(  # noqa: PLR0913 - the last two are keywords
    network: "Network",
    hr: Iterable[Array],
    lr: Iterable[Array],
    value_range: ValueRange,
    level: float,
    *,
    weights: str = "",
    seed: int = 0,
) -> Calibration:
    """Measure how large errors are relative to their local scale.

    Args:
        network: The network.
        hr: Chips (C, 2h, 2w) that were not trained on, digital numbers; of any sizes.
        lr: Their LR images (C, h, w), of the same dtype. Chips are cut to the network's multiple.
        value_range: Digital numbers that become 0 and 1 for the network.
        level: Share of truth pixels to cover, between 0 and 1.
        weights: Label of the network's weights.
        seed: Seeds the choice of scored pixels.

    Raises:
        UserError: If the level is not between 0 and 1, the chips are too few for it, or a chip is
            too small.
    """
    if not 0 < level < 1:
        raise UserError(
            "coverage-invalid",
            f"a coverage of {level:.0%}",
            "choose a level between 0 and 1, e.g. 0.9",
        )
    scores = list(_scores(network, hr, lr, value_range, seed))
    needed = math.ceil(level / (1 - level) - _ROUNDING)
    if len(scores) < needed:
        raise UserError(
            "too-few-chips",
            f"{len(scores)} chips are too few to cover {level:.0%} with a guarantee",
            f"calibrate with at least {needed} chips, or choose a lower level",
        )
    return Calibration(
        level=level,
        quantiles=tuple(float(_quantile(list(band), level)) for band in zip(*scores, strict=True)),
        value_range=value_range,
        scale=LOCAL_SCALE,
        chips=len(scores),
        pixels=sum(score.shape[1] for score in scores),
        weights=weights,
    )


def coverage(
    network: "Network",
    hr: Iterable[Array],
    lr: Iterable[Array],
    calibration: Calibration,
    *,
    seed: int = 0,
) -> Array:
    """Return the share of truth pixels that the intervals cover: (chips, C).

    Args and errors are those of `calibrate`, with the calibration of the network's weights.
    """
    quantiles = np.array(calibration.quantiles)[:, None]
    scores = _scores(network, hr, lr, calibration.value_range, seed)
    return np.array([(score <= quantiles).mean(axis=1) for score in scores])


def local_scale(prediction: Array, value_range: ValueRange) -> Array:
    """Return how large errors are likely to be, up to a factor, from the prediction alone.

    Detail is the local energy that a blur removes, slope that of the gradient. Their ratio is the
    local frequency. Detail times this ratio extrapolates the spectrum by one step, to frequencies
    that no LR image shows. Edges and lines are easier to predict than grass and leaves: the scale
    is smaller where gradients agree in direction, by the coherence of the structure tensor (Jähne
    1993, "Spatio-Temporal Image Processing", doi:10.1007/3-540-57418-2).

    This measure was chosen among about a hundred, because it transfers between the places and
    pixel sizes of the training and validation data. A constant, detail or slope alone, and
    quantiles by their size cover far fewer truth pixels on land cover unlike the calibration's.

    Args:
        prediction: (C, 2h, 2w), digital numbers of any real dtype, all finite; not rounded.
        value_range: Digital numbers that become 0 and 1.

    Returns:
        (C, 2h, 2w) in digital numbers, float32, positive, equal in each LR pixel's 2 x 2. A pixel
        depends on `HALO` LR pixels to each side; the image is mirrored at its edges.
    """
    from scipy.ndimage import correlate1d

    low, high = value_range
    floor = np.float32(FLOOR * (high - low))
    # without the offset: small differences of large numbers lose digits
    image = (prediction - low).astype(np.float32)
    detail = _energy(np.square(image - _blurred(image)))
    across, down = (
        correlate1d(image, [-0.5, 0.0, 0.5], axis=axis, mode="nearest") for axis in (-1, -2)
    )
    slope = _energy(np.square(across) + np.square(down))
    scale = (np.sqrt(detail) + floor) ** 2 / (np.sqrt(slope) + floor)
    return doubled(scale * np.sqrt(ROUND - _coherence(across, down, floor)))


def _coherence(across: Array, down: Array, floor: np.float32) -> Array:
    """Return how far gradients agree in direction, over all bands: (h, w), 0 to 1; 0.5 if flat."""
    xx, xy, yy = (
        _energy((a * b).mean(axis=0)) for a, b in ((across, across), (across, down), (down, down))
    )
    oriented = np.sqrt(np.square(xx - yy) + 4 * np.square(xy))
    return np.asarray((oriented + floor**2 / 2) / (xx + yy + floor**2))


def _energy(squares: Array) -> Array:
    """Return the local mean of (..., 2h, 2w) around each LR pixel: (..., h, w)."""
    *leading, height, width = squares.shape
    blocks = squares.reshape(*leading, height // SCALE, SCALE, width // SCALE, SCALE)
    return _blurred(blocks.mean(axis=(-3, -1)))


def _blurred(image: Array) -> Array:
    # scipy is slow to import, and most scenes are upscaled without intervals
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(image, 1.0, **_BLUR))


def _scores(
    network: "Network", hr: Iterable[Array], lr: Iterable[Array], value_range: ValueRange, seed: int
) -> Iterator[Array]:
    """Yield, for each chip, |error| / local scale of some of its pixels: (C, pixels), float32."""
    random = np.random.default_rng(seed)
    low, high = value_range
    for truth, small in zip(hr, lr, strict=True):
        image, target = _cut(truth, small, network.multiple)
        (upscaled,) = network(normalise(image, value_range)[None])
        scale = local_scale(upscaled * (high - low) + low, value_range)
        error = np.abs(restore(upscaled, image, value_range) - target.astype(np.float64))
        inside = (..., slice(SHAVE, -SHAVE), slice(SHAVE, -SHAVE))
        score = (error / scale)[inside].reshape(len(error), -1).astype(np.float32)
        yield score[:, random.permutation(score.shape[1])[:PIXELS_A_CHIP]]


def _cut(truth: Array, small: Array, multiple: int) -> tuple[Array, Array]:
    """Return LR and HR without the rows and columns beyond the last whole multiple."""
    height, width = (size - size % multiple for size in small.shape[1:])
    if min(height, width) * SCALE <= 2 * SHAVE:
        raise UserError(
            "chips-too-small",
            f"a chip of {small.shape[1]} x {small.shape[2]} low-resolution pixels has nothing left "
            f"to score when {SHAVE} HR pixels are shaved at each border",
            "calibrate with larger chips",
        )
    return small[:, :height, :width], truth[:, : SCALE * height, : SCALE * width]


def _quantile(scores: list[Array], level: float) -> np.floating[Any]:
    """Return the least bound below which the mean share of the chips' scores reaches the level.

    The scores are of one band, an array for each of k chips; the level is at most k / (k + 1).
    """
    pooled = np.concatenate(scores)
    weights = np.concatenate([np.full(len(chip), 1 / len(chip)) for chip in scores])
    order = pooled.argsort()
    share = level * (len(scores) + 1) - _ROUNDING
    reached = np.searchsorted(weights[order].cumsum(), share)
    return pooled[order[min(int(reached), len(order) - 1)]]
