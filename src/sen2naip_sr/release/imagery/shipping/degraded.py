"""A summary of the quality on degraded LR. benchmarks/degraded.py measures more of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.splits import spread
from sen2naip_sr.degradation.blur import DECIMATIONS
from sen2naip_sr.degradation.compression import table_scale
from sen2naip_sr.degradation.draws import Draws
from sen2naip_sr.degradation.parameters import SensorParameters
from sen2naip_sr.degradation.sensor import Sensors, observe
from sen2naip_sr.evaluation.methods import interpolations, network_for, variants
from sen2naip_sr.inference.network import Network
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.inference.values import normalise
from sen2naip_sr.metrics.full_reference import score
from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.progress import track
from sen2naip_sr.release.imagery.shipping.images import TestedPlace, Truth, as_stored
from sen2naip_sr.weights.files import Weights
from sen2naip_sr.weights.scores import Degraded

BLURS = (("antialiased", 0.0), ("aliased", 0.0), ("aliased", 1.6))
"""Decimations, and the width of the Gaussian before them in HR pixels."""
DEFECTS = ((0.0, None), (3.0, 90))
"""Noise as a standard deviation in 255ths of the value range, and quality of JPEG; None: not
compressed. Deep imagery has a part of the noise, and is not compressed."""
SCENE = 9
"""Images of a place, side by side, that the conditions are estimated from."""
SCORED = 2
"""Images of a place that are scored."""
INSIDE = 64
"""Side of the middle part of LR that is scored."""
WORDS = (
    "antialiased bicubic, aliased bicubic, and this after a Gaussian of 0.8 LR pixels; each "
    "without noise and compression, and with noise of 3 of 255 and JPEG of quality 90"
)


@dataclass(frozen=True)
class Kind:
    """A kind of degraded LR: one of `BLURS`, and one of `DEFECTS`."""

    blur: tuple[str, float]
    noise: float
    quality: int | None

    def observe(self, truth: Truth, seed: int) -> tuple[Array, Conditions]:
        """Return LR (C, h, w) in the truth's dtype, and its true conditions."""
        bands, low, high = len(truth.values), *truth.value_range
        share = self.noise / 255 * (SensorParameters().deep_noise if truth.deep else 1)
        decimation, sigma = self.blur
        scale = 0.0 if self.quality is None or truth.deep else table_scale(self.quality)
        sensor = Sensors(
            decimation=torch.tensor([DECIMATIONS.index(decimation)]),
            vertical=torch.full((1, bands), sigma),
            horizontal=torch.full((1, bands), sigma),
            noise=torch.full((1, bands), share),
            shot=torch.zeros(1),
            levels=torch.tensor([high - low]),
            deep=torch.tensor([truth.deep]),
            table=torch.tensor([scale]),
            colour=torch.tensor([False]),
            step=torch.zeros(1),
        )
        draws = Draws(1, torch.Generator().manual_seed(seed))
        hr = torch.from_numpy(normalise(truth.values, truth.value_range))[None]
        lr, told = observe(hr, sensor, draws)
        width = (float(told.vertical[0, 0]), float(told.horizontal[0, 0]))
        stored = as_stored(lr * (high - low) + low, truth.values.dtype)[0]
        return stored, Conditions((share,) * bands, (width,) * bands, scale)


def degraded_scores(weights: Mapping[str, Weights], place: TestedPlace) -> dict[str, Degraded]:
    """Score weights on every kind of degraded LR of a place.

    Args:
        weights: With conditions, by name.
        place: The test images.
    """
    shape = place.truths[0].values.shape
    truths = [truth for truth in place.truths if truth.values.shape == shape]
    truths = [truths[k] for k in spread(np.arange(len(truths)), SCENE)]
    bands, value_range = shape[0], truths[0].value_range
    plain = [method.network(bands, "auto") for method in interpolations(bands)]
    methods = {
        name: variants(name, name, each, ("recipe", "estimates")) for name, each in weights.items()
    }
    kinds = [Kind(blur, *defects) for blur, defects in product(BLURS, DEFECTS)]
    gains: dict[str, list[tuple[float, float]]] = {name: [] for name in weights}
    for kind in track(kinds, f"{place.name}, degraded", len(kinds)):
        observed = [kind.observe(truth, seed) for seed, truth in enumerate(truths)]
        scene = side_by_side([lr for lr, _ in observed])
        chosen = spread(np.arange(len(truths)), SCORED)
        pairs = [(observed[k][0], truths[k]) for k in chosen]
        best = max(_psnr(network, pairs) for network in plain)
        for name, (knowing, estimating) in methods.items():
            told = knowing.network(bands, "auto", observed[0][1])
            auto = network_for(estimating, scene, value_range, "auto")
            assert auto is not None
            gains[name].append((_psnr(told, pairs) - best, _psnr(auto, pairs) - best))
    return {name: _summary(np.array(values)) for name, values in gains.items()}


def side_by_side(images: list[Array]) -> Array:
    """Return images (C, h, w) as one, as square as can be; what does not fit is left out."""
    columns = int(np.ceil(len(images) ** 0.5))
    rows = len(images) // columns
    return np.concatenate(
        [np.concatenate(images[k * columns : (k + 1) * columns], axis=2) for k in range(rows)],
        axis=1,
    )


def _psnr(network: Network, pairs: list[tuple[Array, Truth]]) -> float:
    """Return the mean PSNR of the middle of images."""
    found = []
    for lr, truth in pairs:
        low, high = truth.value_range
        small, large = middle(lr, truth.values)
        predicted = predict(network, small[None], truth.value_range).astype(np.float64)
        scores = score(
            torch.from_numpy(predicted),
            torch.from_numpy(large[None].astype(np.float64)),
            data_range=high - low,
            only=("psnr",),
        )
        found.append(float(scores.chip["psnr"][0]))
    return float(np.mean(found))


def middle(lr: Array, hr: Array) -> tuple[Array, Array]:
    """Return the middle of LR (C, h, w), at most `INSIDE` pixels wide, and the same of HR."""
    rows, columns = (_inner(length) for length in lr.shape[1:])
    fine = (slice(None), *(slice(2 * part.start, 2 * part.stop) for part in (rows, columns)))
    return lr[:, rows, columns], hr[fine]


def _inner(length: int) -> slice:
    size = min(length, INSIDE)
    start = (length - size) // 2
    return slice(start, start + size)


def _summary(gains: Array) -> Degraded:
    (told, auto), (told_least, auto_least) = gains.mean(axis=0), gains.min(axis=0)
    return Degraded(
        kinds=len(gains),
        told=round(float(told), 4),
        told_least=round(float(told_least), 4),
        auto=round(float(auto), 4),
        auto_least=round(float(auto_least), 4),
        auto_below=round(float((gains[:, 1] < 0).mean()), 4),
    )
