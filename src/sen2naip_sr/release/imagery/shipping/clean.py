"""Scores of LR made by the recipe: means by place and pixel size, beside the interpolations."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from sen2naip_sr.degradation import SCALE
from sen2naip_sr.evaluation.methods import interpolations
from sen2naip_sr.inference.network import Network
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.metrics.full_reference import score
from sen2naip_sr.progress import track
from sen2naip_sr.release.imagery.shipping.images import TestedPlace, Truth
from sen2naip_sr.weights.scores import Clean

OTHERS = ("ssim", "sam", "ergas")
"""Keys of the metrics beside PSNR."""
LANCZOS = "lanczos"


def clean_scores(
    networks: Mapping[str, Network], place: TestedPlace, reductions: Sequence[int]
) -> dict[str, tuple[Clean, ...]]:
    """Score networks on a place.

    Args:
        networks: By name.
        place: The test images.
        reductions: So many pixels become one on each axis first.

    Returns:
        For each network, the scores by pixel size.
    """
    bands = len(place.truths[0].values)
    plain = {method.name: method.network(bands, "auto") for method in interpolations(bands)}
    found: dict[str, list[Clean]] = {name: [] for name in networks}
    for reduction in reductions:
        title = f"{place.name}, pixels x {reduction}"
        rows = [
            _score(truth.coarser(reduction), {**plain, **networks})
            for truth in track(place.truths, title, len(place.truths))
        ]
        means = {
            method: {key: float(np.mean([row[method][key] for row in rows])) for key in values}
            for method, values in rows[0].items()
        }
        best = max(plain, key=lambda method: means[method]["psnr"])
        for name in networks:
            found[name].append(_clean(means, name, best, reduction, len(rows)))
    return {name: tuple(scores) for name, scores in found.items()}


def _clean(
    means: Mapping[str, Mapping[str, float]], name: str, best: str, reduction: int, images: int
) -> Clean:
    psnr = means[name]["psnr"]
    return Clean(
        reduction=reduction,
        images=images,
        psnr=round(psnr, 4),
        over_lanczos=round(psnr - means[LANCZOS]["psnr"], 4),
        over_best=round(psnr - means[best]["psnr"], 4),
        best=best,
        metrics={key: round(means[name][key], 4) for key in OTHERS},
        lanczos={key: round(means[LANCZOS][key], 4) for key in OTHERS},
    )


def _score(truth: Truth, methods: Mapping[str, Network]) -> dict[str, dict[str, float]]:
    """Return PSNR and `OTHERS` of each method."""
    lr = truth.downscaled()[None]
    low, high = truth.value_range
    expected = torch.from_numpy(truth.values[None].astype(np.float64))
    result = {}
    for name, network in methods.items():
        predicted = torch.from_numpy(predict(network, lr, truth.value_range).astype(np.float64))
        scores = score(
            predicted, expected, data_range=high - low, ratio=SCALE, only=("psnr", *OTHERS)
        )
        result[name] = {key: float(values[0]) for key, values in scores.chip.items()}
    return result
