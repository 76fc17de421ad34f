"""Full-reference scores of super-resolved chips against their ground truth.

All scores are taken on digital numbers and computed in float64: the variances inside SSIM and
UIQI are differences of large numbers and lose their digits in float32. torchmetrics takes a
hundred times as long in float64.
"""

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from sen2naip_sr.metrics.catalogue import COMPUTED, METRICS
from sen2naip_sr.metrics.metric import Pair

SHAVE = 4
"""HR pixels at each border that the protocol leaves out of every score."""


@dataclass(frozen=True)
class Scores:
    """Scores of a batch, float64.

    Attributes:
        chip: Scores over all bands (B,) by the keys of the metrics that were asked for.
        band: Scores of each band (B, C) likewise, without metrics that a single band does not have.
        gathered: What metrics of sets keep of each chip, by their keys.
        seconds: What the optional metrics took, by their keys.
    """

    chip: dict[str, Tensor]
    band: dict[str, Tensor]
    gathered: dict[str, list[Tensor]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def score(  # noqa: PLR0913 - the last ten are keywords
    prediction: Tensor,
    truth: Tensor,
    *,
    data_range: float,
    shave: int = SHAVE,
    ratio: int = 2,
    lr: Tensor | None = None,
    downscale: Callable[[Tensor], Tensor] | None = None,
    only: Collection[str] = COMPUTED,
    valid: Tensor | None = None,
    lr_valid: Tensor | None = None,
    low: float = 0.0,
    extractors: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
) -> Scores:
    """Score predictions against the truth, jointly over the bands and for each band.

    The caller has clipped and rounded the predictions as they would be stored. Invalid pixels do
    not count, nor do windows that hold any; spectra, which need whole images, take the truth for
    the prediction there. NaN in a valid pixel stays NaN. Each metric is defined in its own module
    of this package.

    Args:
        prediction: (B, C, H, W), digital numbers.
        truth: The same shape, digital numbers.
        data_range: Largest minus smallest possible digital number (255 for 8 bits).
        shave: Pixels left out on each side before anything is computed.
        ratio: Pixel size of the low resolution over that of the high resolution.
        lr: The low-resolution images (B, C, h, w), digital numbers; consistency needs them.
        downscale: The recipe that made them, without noise and rounding: maps (B, C, H, W) to
            (B, C, h, w).
        only: Keys of `sen2naip_sr.metrics.catalogue.COMPUTED` or `OPTIONAL` there. SSIM, MS-SSIM
            and UIQI take nearly all of the time of the former.
        valid: The pixels that count (B, C, H, W), bool; None: all. The truth is finite everywhere.
        lr_valid: The pixels of ``lr`` that count, likewise.
        low: Digital number of zero radiance, for metrics that know colours.
        extractors: What optional metrics take features from, by the name that they need.

    Returns:
        The scores, on the device of the inputs, which has to support float64. A score that is not
        defined is NaN, for instance that of an image smaller than the metric's window.

    Raises:
        ValueError: If the shapes differ or are not four-dimensional, if nothing is left after
            shaving, or if ``data_range`` or ``ratio`` is not positive or ``shave`` is negative.
    """
    _check(prediction, truth, data_range, shave, ratio)
    asked = [metric for key, metric in METRICS.items() if metric.computed and key in only]
    of_sets = [metric for key, metric in METRICS.items() if metric.gather and key in only]
    gathered: dict[str, list[Tensor]] = {metric.key: [] for metric in of_sets}
    seconds: dict[str, float] = {m.key: 0.0 for m in (*asked, *of_sets) if m.optional}
    bands: dict[str, list[Tensor]] = {metric.key: [] for metric in asked if metric.bands}
    joint: dict[str, list[Tensor]] = {metric.key: [] for metric in asked if metric.joint}
    # one chip at a time: the intermediate images take many times its memory
    for number in range(len(truth)):
        pair = _pair(
            prediction[number].double(),
            truth[number].double(),
            shave,
            data_range=data_range,
            ratio=ratio,
            lr=None if lr is None else lr[number].double(),
            downscale=downscale,
            valid=None if valid is None else valid[number],
            lr_valid=None if lr_valid is None else lr_valid[number],
            low=low,
            extractors=extractors,
        )
        for metric in asked:
            start = time.perf_counter()
            found = metric.bands(pair) if metric.bands else None
            if found is not None:
                bands[metric.key].append(found)
            if metric.joint:
                joint[metric.key].append(metric.joint(pair, found))
            if metric.optional:
                seconds[metric.key] += time.perf_counter() - start
        for metric in of_sets:
            start = time.perf_counter()
            kept = metric.gather(pair) if metric.gather else None
            if kept is not None:
                gathered[metric.key].append(kept)
            seconds[metric.key] += time.perf_counter() - start
    band = {key: torch.stack(values) for key, values in bands.items()}
    chip = {
        metric.key: torch.stack(joint[metric.key]) if metric.joint else band[metric.key].mean(dim=1)
        for metric in asked
    }
    return Scores(chip, band, gathered, seconds)


def _pair(whole: Tensor, truth: Tensor, shave: int, *, valid: Tensor | None, **known: Any) -> Pair:
    """Return a chip's prediction and truth (C, H, W) without the shaved borders."""
    height, width = truth.shape[-2:]
    inner = (..., slice(shave, height - shave), slice(shave, width - shave))
    if valid is not None:
        whole = whole.where(valid, truth)
        known["valid"] = valid[inner]
    return Pair(prediction=whole[inner], truth=truth[inner], whole=whole, shave=shave, **known)


def _check(prediction: Tensor, truth: Tensor, data_range: float, shave: int, ratio: int) -> None:
    if prediction.shape != truth.shape or truth.dim() != 4:
        raise ValueError(
            "prediction and truth must both be (B, C, H, W): "
            f"got {tuple(prediction.shape)} and {tuple(truth.shape)}"
        )
    if truth.numel() == 0:
        raise ValueError(f"there is nothing to score in images of shape {tuple(truth.shape)}")
    if not (data_range > 0 and math.isfinite(data_range)):
        raise ValueError(f"data_range must be positive and finite: got {data_range}")
    if ratio <= 0:
        raise ValueError(f"ratio must be positive: got {ratio}")
    height, width = truth.shape[-2:]
    if shave < 0 or 2 * shave >= min(height, width):
        raise ValueError(
            f"shave must be 0 or more and leave pixels: got {shave} for {height} x {width} images"
        )
