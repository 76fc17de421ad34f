"""The explanation of one window of one image, for one network."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from sen2naip_sr.arrays import Array
from sen2naip_sr.explain.attribution.bands import BandMatrix, band_matrix
from sen2naip_sr.explain.attribution.measures import Spread, spread
from sen2naip_sr.explain.attribution.path import (
    Attribution,
    all_detail,
    integrate,
    local_path,
)
from sen2naip_sr.explain.attribution.sanity import rank_correlation, with_random_weights
from sen2naip_sr.explain.detail.frequency import beyond_nyquist_db, by_frequency
from sen2naip_sr.explain.detail.hallucination import (
    Correctness,
    consistency_error,
    correctness,
    disagreement,
)
from sen2naip_sr.explain.detail.profiles import error_profiles
from sen2naip_sr.explain.parameters import AttributionParameters
from sen2naip_sr.explain.subjects import Subject
from sen2naip_sr.explain.windows import Window, require_inside
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.inference.values import ValueRange, normalise
from sen2naip_sr.models.interpolation import Interpolation


@dataclass(frozen=True)
class Image:
    """An image to explain.

    Attributes:
        name: Its name in tables and figures.
        lr: (C, h, w), digital numbers.
        value_range: Digital numbers that become 0 and 1.
        downscale: The recipe, without its random part: (C, 2h, 2w) to (C, h, w), float64.
        bands: Names of the bands.
        truth: (C, 2h, 2w); None: there is none.
        pixel_metres: Pixel size of ``lr``; None: not known.
        place: Where it is from; "": not known.
        role: Why it was chosen, such as "best gain"; "": it was named.
    """

    name: str
    lr: Array
    value_range: ValueRange
    downscale: Callable[[Array], Array]
    bands: tuple[str, ...]
    truth: Array | None = None
    pixel_metres: float | None = None
    place: str = ""
    role: str = ""


@dataclass(frozen=True)
class Checks:
    """What holds an attribution map against other maps of the same target.

    Attributes:
        completeness_error: Of the attribution, as a share.
        captum: Correlation with Captum's integrated gradients; NaN: not computed.
        smoothed: Rank correlation with SmoothGrad's gradients; NaN: not computed.
        occlusion: Each band's share of the changes by occlusion; empty: not computed.
        random: Rank correlation with the map of random weights, signed.
        random_magnitude: The same of absolute values.
    """

    completeness_error: float
    captum: float = math.nan
    smoothed: float = math.nan
    occlusion: tuple[float, ...] = ()
    random: float = math.nan
    random_magnitude: float = math.nan


@dataclass(frozen=True)
class Explanation:
    """What explains one network at one window.

    Attributes:
        subject: The network.
        window: The window.
        reach: LR pixels around it that the network sees.
        prediction: (C, 2h, 2w), digital numbers.
        attribution: (C, height + 2 reach, width + 2 reach), signed.
        spread: How far it reaches.
        matrices: Shares of the bands, first at the window, then of other land cover.
        checks: Of the attribution.
        psnr_gain: PSNR over the reference on the whole image, dB; NaN without truth.
        frequencies: From `by_frequency`; None without truth, or for the reference.
        profiles: From `error_profiles`; None without truth.
        correctness: Improvement, omission and hallucination; None without truth.
        consistency: RMSE of the downscaled prediction to LR, digital numbers.
        beyond: Power beyond LR's Nyquist frequency, dB over the reference.
        disagreement: Of the eightfold ensemble, digital numbers.
        seconds: What it took.
    """

    subject: Subject
    window: Window
    reach: int
    prediction: Array
    attribution: Array
    spread: Spread
    matrices: tuple[BandMatrix, ...]
    checks: Checks
    psnr_gain: float = math.nan
    frequencies: pd.DataFrame | None = None
    profiles: pd.DataFrame | None = None
    correctness: Correctness | None = None
    consistency: float = math.nan
    beyond: float = math.nan
    disagreement: float = math.nan
    seconds: float = 0.0


def explain(
    subject: Subject,
    image: Image,
    windows: Mapping[str, Window],
    reference: Array,
    parameters: AttributionParameters,
) -> Explanation:
    """Explain a network at a window of an image.

    Args:
        subject: The network.
        image: The image.
        windows: The window, and further ones for their bands, by their land cover; see
            `sen2naip_sr.explain.attribution.bands.windows_by_class`.
        reference: (C, 2h, 2w), what the reference made of the image.
        parameters: How attributions are computed.

    Raises:
        UserError: If the network sees more than the image has around the window, or captum is
            asked for and missing.
    """
    start = time.perf_counter()
    window = next(iter(windows.values()))
    require_inside(window, image.lr.shape, subject.reach, subject.network.multiple)
    scaled = torch.from_numpy(normalise(image.lr, image.value_range))
    attribution, checks = _attribute(subject, scaled, window, parameters)
    prediction = predict(subject.network, image.lr[None], image.value_range)[0]
    return Explanation(
        subject=subject,
        window=window,
        reach=subject.reach,
        prediction=prediction,
        attribution=attribution.values[0].numpy(),
        spread=spread(attribution.values[0].numpy(), window.height, window.width),
        matrices=tuple(_matrices(subject, scaled, windows, parameters)),
        checks=checks,
        consistency=consistency_error(prediction, image.lr, image.downscale),
        beyond=beyond_nyquist_db(prediction, reference) if subject.trained else 0.0,
        disagreement=disagreement(subject.network, image.lr, image.value_range),
        **_against_truth(subject, image, prediction, reference),
        seconds=time.perf_counter() - start,
    )


def _attribute(
    subject: Subject, scaled: torch.Tensor, window: Window, p: AttributionParameters
) -> tuple[Attribution, Checks]:
    """Return the attribution at a window and its checks."""
    module, reach = subject.local, subject.reach
    path = local_path(scaled, window, reach, p.steps, p.blur)
    found = integrate(module, path, all_detail)
    if not subject.trained:
        return found, Checks(found.completeness_error)
    short = local_path(scaled, window, reach, p.check_steps, p.blur)
    other = integrate(with_random_weights(module, p.seed), short, all_detail).values
    others = _captum(module, path, found, p)
    return found, Checks(
        found.completeness_error,
        random=rank_correlation(found.values, other),
        random_magnitude=rank_correlation(found.values.abs(), other.abs()),
        **others,
    )


def _captum(
    module: torch.nn.Module, path: torch.Tensor, found: Attribution, p: AttributionParameters
) -> dict[str, Any]:
    if not p.captum:
        return {}
    from sen2naip_sr.explain.attribution.captum_maps import captum_maps

    maps = captum_maps(
        module,
        image=path[-1],
        baseline=path[0],
        detect=all_detail,
        steps=p.check_steps,
        seed=p.seed,
    )
    changes = maps.occlusion.abs().sum(dim=(1, 2))
    values = found.values[0]
    return {
        "captum": float(np.corrcoef(values.ravel(), maps.integrated.ravel())[0, 1]),
        "smoothed": rank_correlation(values.abs(), maps.smoothed.abs()),
        "occlusion": tuple((changes / changes.sum().clamp(min=1e-12)).tolist()),
    }


def _matrices(
    subject: Subject,
    scaled: torch.Tensor,
    windows: Mapping[str, Window],
    p: AttributionParameters,
) -> list[BandMatrix]:
    module, reach = subject.local, subject.reach
    return [
        BandMatrix(name, window, band_matrix(module, scaled, window, reach, p))
        for name, window in windows.items()
    ]


def _against_truth(
    subject: Subject, image: Image, prediction: Array, reference: Array
) -> dict[str, Any]:
    if image.truth is None:
        return {}
    truth, (low, high) = image.truth, image.value_range
    small = torch.from_numpy(image.lr.astype(np.float64))[None]
    bilinear = Interpolation("bilinear")(small)[0].numpy()
    return {
        "psnr_gain": 10 * math.log10(_mse(reference, truth) / max(_mse(prediction, truth), 1e-12)),
        "frequencies": by_frequency(prediction, reference, truth) if subject.trained else None,
        "profiles": error_profiles(prediction, truth, (low, high)),
        "correctness": correctness(prediction, bilinear, truth, low),
    }


def _mse(image: Array, truth: Array, shave: int = 4) -> float:
    inner = (..., slice(shave, -shave), slice(shave, -shave))
    return float(np.square(image[inner].astype(np.float64) - truth[inner]).mean())
