"""What intervals cover on test places, by place, pixel size, brightness and their own width.

Beside them stands split conformal prediction with one local scale, the energy of detail over the
slope, calibrated on one place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scene_tables import table

from sen2naip_sr.chips.splits import spread
from sen2naip_sr.degradation import Recipe, get_recipe
from sen2naip_sr.evaluation.methods import Method, network_for
from sen2naip_sr.evaluation.pairs.pair import find_pairs, read_pair
from sen2naip_sr.inference.consistency import Consistency
from sen2naip_sr.inference.ensemble import SelfEnsemble
from sen2naip_sr.inference.intervals.calibrate import HrImage, ScoredScene, half_widths
from sen2naip_sr.inference.intervals.features import FLOOR, NAMES
from sen2naip_sr.inference.intervals.fit import winkler
from sen2naip_sr.inference.intervals.samples import Samples, downscaled
from sen2naip_sr.inference.values import choose_range
from sen2naip_sr.raster.arrays import ArrayScene
from sen2naip_sr.release.calibrate import (
    LEVEL,
    REDUCTIONS,
    CalibrationPlace,
    plain_network,
    scored_scenes,
)
from sen2naip_sr.release.imagery.shipping.intervals import read_place
from sen2naip_sr.weights.calibration import Calibration, load_calibration
from sen2naip_sr.weights.files import Weights
from sen2naip_sr.weights.shipped import load_shipped

ONE_PLACE = "naip/ca-claremont-2018"
TESTS = (
    "naip/ca-santa-monica-2020",
    "naip/ca-central-valley",
    "naip/wv-3708020-sw",
    "naip-more/oh-brown",
    "scenes/naip-sherando-va-1m.tif",
    "scenes/s2-inn-10m.tif",
    "scenes/s2-aberystwyth-10m.tif",
)
PAIRS = "pairs"
ESTIMATED = "automatic conditions"
IMAGES_OF_WAYS = 8
"""Images of a place that each way to upscale is measured on."""
DECILES = 10
LEVELS = 255.0


def measure(data: Path, model: str = "default") -> dict[str, Any]:
    """Return coverage, widths and Winkler scores, in 255ths of the value range.

    Args:
        data: The folder of the chips; further folders lie beside it.
        model: Whose weights.
    """
    weights = load_shipped(model)
    assert weights is not None
    calibration = load_calibration(weights)
    places = [read_place(("", data.parent / name)) for name in TESTS]
    scenes = {place.name: scored_scenes(weights, place) for place in places}
    claremont = scored_scenes(weights, read_place(("", data.parent / ONE_PLACE)))[1].truth
    baseline = _Baseline.of(claremont)
    return {
        "network": model,
        "level": LEVEL,
        "places": {name: _by_size(found, calibration) for name, found in scenes.items()},
        "sizes": {str(size): _size(scenes, size, calibration, baseline) for size in REDUCTIONS},
        "ways": _ways(weights, calibration, places),
        "other_sensors": {
            place.name: _by_size(scored_scenes(weights, place), calibration)
            for place in _pairs(data.parent / PAIRS)
        },
    }


@dataclass(frozen=True)
class _Baseline:
    """A local scale times a quantile of each band."""

    quantiles: np.ndarray

    @classmethod
    def of(cls, samples: Samples) -> "_Baseline":
        ratios = samples.errors / cls.scale(samples)
        bands = range(int(samples.bands.max()) + 1)
        return cls(np.array([np.quantile(ratios[samples.bands == b], LEVEL) for b in bands]))

    @staticmethod
    def scale(samples: Samples) -> np.ndarray:
        """Return detail squared over slope, smaller at edges."""
        detail, slope, coherence = (
            samples.features[:, NAMES.index(name)] for name in ("detail", "slope", "coherence")
        )
        return FLOOR * np.exp(2 * detail - slope) * np.sqrt(1.05 - coherence)

    def widths(self, samples: Samples) -> np.ndarray:
        """Return the half-widths of samples."""
        return self.quantiles[samples.bands] * self.scale(samples)


def _by_size(scenes: Mapping[int, ScoredScene], calibration: Calibration) -> dict[str, float]:
    return {str(size): _rounded(scene.coverage(calibration)) for size, scene in scenes.items()}


def _size(
    scenes: Mapping[str, Mapping[int, ScoredScene]],
    size: int,
    calibration: Calibration,
    baseline: _Baseline,
) -> dict[str, Any]:
    """Return means over places; places count the same."""
    found = [by_size[size] for by_size in scenes.values() if size in by_size]
    widths = [half_widths(s.truth, calibration, s.factor(calibration)) for s in found]
    truths = [scene.truth for scene in found]
    brightness = [truth.features[:, NAMES.index("brightness")] for truth in truths]
    return {
        "ours": _quality(truths, widths),
        "one_place": _quality(truths, [baseline.widths(truth) for truth in truths]),
        "by_width": _deciles(truths, widths, widths),
        "by_brightness": _deciles(truths, widths, brightness),
    }


def _quality(truths: Iterable[Samples], widths: Iterable[np.ndarray]) -> dict[str, float]:
    rows = [
        (
            (truth.errors <= width).mean(),
            2 * LEVELS * width.mean(),
            LEVELS * winkler(truth.errors, width, LEVEL).mean(),
        )
        for truth, width in zip(truths, widths, strict=True)
    ]
    means = np.mean(rows, axis=0)
    return dict(zip(("coverage", "width", "winkler"), map(_rounded, means), strict=True))


def _deciles(truths: list[Samples], widths: list[np.ndarray], by: list[np.ndarray]) -> list[float]:
    """Return the coverage by deciles of a quantity, of places that count the same."""
    each = min(len(values) for values in by)
    kept = [np.random.default_rng(0).permutation(len(values))[:each] for values in by]
    inside = np.concatenate(
        [(t.errors <= w)[k] for t, w, k in zip(truths, widths, kept, strict=True)]
    )
    order = np.concatenate([values[k] for values, k in zip(by, kept, strict=True)]).argsort()
    return [_rounded(part.mean()) for part in np.array_split(inside[order], DECILES)]


class _Projected:
    """A network whose predictions are projected onto LR."""

    def __init__(self, network: Any, recipe: Recipe) -> None:
        self._network, self._consistency = network, Consistency(recipe)
        self.bands, self.multiple = network.bands, network.multiple

    def __call__(self, tiles: np.ndarray) -> np.ndarray:
        pairs = zip(self._network(tiles), tiles, strict=True)
        return np.stack([self._consistency(predicted, lr) for predicted, lr in pairs])


def _ways(
    weights: Weights, calibration: Calibration, places: Iterable[CalibrationPlace]
) -> dict[str, dict[str, Any]]:
    """Return coverage, width and Winkler score at the places' own pixels by way to upscale."""
    recipe = get_recipe(weights.metadata.recipe.partition("@")[0])
    plain = plain_network(weights)
    networks = {
        "plain": plain,
        "consistency": _Projected(plain, recipe),
        "ensemble": SelfEnsemble(plain),
        "both": _Projected(SelfEnsemble(plain), recipe),
    }
    truths: dict[str, list[Samples]] = {way: [] for way in (*networks, ESTIMATED)}
    widths: dict[str, list[np.ndarray]] = {way: [] for way in truths}
    for place in places:
        images = [place.images[k] for k in spread(np.arange(len(place.images)), IMAGES_OF_WAYS)]
        # the scene factor is that of the network alone, as for scenes
        factor = ScoredScene.of(plain, recipe, images, place.location).factor(calibration)
        for way, network in networks.items():
            truth = ScoredScene.of(network, recipe, images, place.location).truth
            truths[way].append(truth)
            widths[way].append(half_widths(truth, calibration, factor))
        scenes = [_estimated(weights, recipe, image, place.location) for image in images]
        truths[ESTIMATED].append(Samples.joined(scene.truth for scene in scenes))
        widths[ESTIMATED].append(
            np.concatenate(
                [half_widths(s.truth, calibration, s.factor(calibration)) for s in scenes]
            )
        )
    return {way: _quality(truths[way], widths[way]) | _by_place(truths[way], widths[way])
            for way in truths}  # fmt: skip


def _estimated(weights: Weights, recipe: Recipe, image: HrImage, location: str) -> ScoredScene:
    """Return the errors of a network that is told what is estimated from an image."""
    method = Method("", "", weights.build(), trained=True, weights=weights, estimated=True)
    hr, value_range = image
    network = network_for(method, downscaled(hr, recipe), value_range, "cpu")
    return ScoredScene.of(network or plain_network(weights), recipe, [image], location)


def _by_place(truths: list[Samples], widths: list[np.ndarray]) -> dict[str, list[float]]:
    pairs = zip(truths, widths, strict=True)
    return {"places": [_rounded((truth.errors <= width).mean()) for truth, width in pairs]}


def _pairs(folder: Path) -> list[CalibrationPlace]:
    """Return the bands of real pairs, by sensors that no calibration knows."""
    found = []
    for path in find_pairs([folder]) if folder.is_dir() else []:
        pair = read_pair(path)
        bands = np.ma.filled(pair.bands, 0)
        even = bands[:, : bands.shape[1] // 2 * 2, : bands.shape[2] // 2 * 2]
        value_range = choose_range("auto", ArrayScene(pair.bands))
        found.append(CalibrationPlace(pair.name, pair.name, "", [(even, value_range)]))
    return found


def coverage_table(measured: Mapping[str, Any]) -> str:
    """Return the coverage by place and pixel size."""
    sizes = [str(size) for size in REDUCTIONS]
    places = {**measured["places"], **measured["other_sensors"]}
    rows = [
        [name, *(f"{found[size]:.1%}" if size in found else "" for size in sizes)]
        for name, found in places.items()
    ]
    means = [f"{measured['sizes'][size]['ours']['coverage']:.1%}" for size in sizes]
    rows.insert(len(measured["places"]), ["**mean of these places**", *means])
    return table(["place", "own pixels", *(f"{size} x as large" for size in sizes[1:])], rows)


def quality_table(measured: Mapping[str, Any]) -> str:
    """Return widths and Winkler scores beside those of one local scale, and deciles."""
    rows = []
    for size, found in measured["sizes"].items():
        ours, theirs = found["ours"], found["one_place"]
        rows.append(
            [
                "own" if size == "1" else f"{size} x as large",
                f"{ours['coverage']:.1%} ({theirs['coverage']:.1%})",
                f"{ours['width']:.1f} ({theirs['width']:.1f})",
                f"{ours['winkler']:.1f} ({theirs['winkler']:.1f})",
                _span(found["by_brightness"]),
                _span(found["by_width"]),
            ]
        )
    head = ["pixels", "covered", "mean width", "Winkler score", "by brightness", "by width"]
    return table(head, rows)


def ways_table(measured: Mapping[str, Any]) -> str:
    """Return what intervals cover with each option."""
    rows = [
        [way, f"{found['coverage']:.1%}", _span(found["places"]), f"{found['width']:.1f}",
         f"{found['winkler']:.1f}"]
        for way, found in measured["ways"].items()
    ]  # fmt: skip
    return table(["upscaled", "covered", "places", "mean width", "Winkler score"], rows)


def _span(shares: Iterable[float]) -> str:
    found = list(shares)
    return f"{min(found):.0%} to {max(found):.0%}"


def _rounded(value: float) -> float:
    return round(float(value), 4)


TABLES = {
    "intervals-places": lambda results: coverage_table(results["intervals"]),
    "intervals-sizes": lambda results: quality_table(results["intervals"]),
    "intervals-ways": lambda results: ways_table(results["intervals"]),
}
