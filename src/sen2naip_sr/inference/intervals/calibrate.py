"""Calibrates intervals on places, so that places that were left out are covered.

Pixels of one place depend on each other, and places differ: they are the unit. Following Lee,
Barber and Willett 2023, https://arxiv.org/abs/2306.06342, every location has the same weight at
each pixel size, however many dates of it there are. As in
cross-conformal prediction (Vovk 2015, https://arxiv.org/abs/1208.0806), the half-widths are
corrected by a constant with which scenes are covered whose location the fit did not see. There is
no guarantee for a given pixel, nor for other sensors than those of the calibration; how far
intervals transfer can only be measured.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation import SCALE, Recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.intervals.fit import fit_width
from sen2naip_sr.inference.intervals.samples import SMALLEST, Samples, downscaled, sample_errors
from sen2naip_sr.inference.intervals.scene import factor_of
from sen2naip_sr.inference.intervals.width import FORMULA, log_widths
from sen2naip_sr.inference.values import ValueRange
from sen2naip_sr.weights.calibration import Calibration, WidthModel

if TYPE_CHECKING:
    from sen2naip_sr.inference.network import Network

FEWEST_LOCATIONS = 3
"""With fewer, images are left out instead of locations."""

PARTS = 4
"""So many parts of the images are left out in turn then."""

FEWEST_FACTORS = 8
"""With fewer scenes, the exponent of the scene factor cannot be told, and is 1."""

RELATED = 0.7
"""Correlation of scene factors and factors needed from which on both tell the same."""

PIXELS = 400
"""Pixels of an image that are scored, at most."""

HrImage = tuple[Array, ValueRange]
"""An HR image (C, h, w), and the digital numbers that become 0 and 1."""

_ROUNDING = 1e-9


@dataclass(frozen=True)
class ScoredScene:
    """The errors on a place at one pixel size.

    Attributes:
        location: Equal for places with the same ground.
        truth: Errors to the truth.
        again: Errors to LR of what LR, downscaled once more, gives. It has the same images, apart
            from those that are too small.
        reduction: So many pixels of the place became one on each axis.
    """

    location: str
    truth: Samples
    again: Samples
    reduction: int = 1

    @classmethod
    def of(
        cls,
        network: "Network",
        recipe: Recipe,
        images: Iterable[HrImage],
        location: str,
        reduction: int = 1,
    ) -> Self:
        """Score a network on images of one place at one pixel size.

        Args:
            network: The network, told of clean images.
            recipe: Makes the LR images.
            images: HR images (C, h, w) of any sizes, with the digital numbers that become 0 and 1.
            location: Of the place.
            reduction: So many pixels of the place became one on each axis.

        Raises:
            UserError: If an image is too small to be scored.
        """
        truth, again = [], []
        for number, (hr, value_range) in enumerate(images):
            lr = downscaled(hr, recipe)
            drawn = {"most": PIXELS, "seed": number}
            truth.append(sample_errors(network, _even(hr), lr, value_range, **drawn))
            if min(lr.shape[1:]) >= SMALLEST * network.multiple:
                small = downscaled(lr, recipe)
                again.append(sample_errors(network, _even(lr), small, value_range, **drawn))
            else:
                again.append(Samples.none())
        return cls(location, Samples.joined(truth), Samples.joined(again), reduction)

    @property
    def images(self) -> int:
        """Number of its images."""
        return len(np.unique(self.truth.images))

    def coverage(self, calibration: Calibration) -> float:
        """Return the share of its pixels that the intervals cover, as of one scene."""
        widths = half_widths(self.truth, calibration, self.factor(calibration))
        return float((self.truth.errors <= widths).mean())

    def factor(self, calibration: Calibration) -> float:
        """Return its scene factor; 1 if its images are too small for one."""
        if not len(self.again.errors):
            return 1.0
        return factor_of(self.again, calibration.width, calibration.level)


@dataclass(frozen=True)
class Described:
    """What a calibration says about itself; see `Calibration`."""

    bands: int
    places: tuple[str, ...]
    sensors: tuple[str, ...]
    reductions: tuple[int, ...]
    weights: str


def calibrate(scenes: Sequence[ScoredScene], level: float, described: Described) -> Calibration:
    """Calibrate intervals.

    Args:
        scenes: Scored scenes, not trained on or hardly remembered.
        level: Share of truth pixels to cover, between 0 and 1.
        described: What else the calibration says.

    Raises:
        UserError: If the level is not between 0 and 1, or the images are too few for it.
    """
    images = sum(scene.images for scene in scenes)
    _require_enough(images, level)
    held = list(_held_out(scenes, level))
    factors = np.array([part.factor for part in held])
    power = _power(held, level)
    known = factors[~np.isnan(factors)]
    return Calibration(
        level=level,
        formula=FORMULA,
        width=fit_width([scene.truth for scene in scenes], _weights(scenes), level),
        power=power,
        correction=float(f"{_correction(held, level, power):.5g}"),
        factors=(float(known.min()), float(known.max())) if known.size else (1.0, 1.0),
        images=images,
        pixels=sum(len(scene.truth.errors) for scene in scenes),
        **vars(described),
    )


@dataclass(frozen=True)
class _Held:
    """A scene or a part of one that a fit did not see: its factor, errors by half-width, weight."""

    factor: float
    ratios: Array
    weight: float


def _held_out(scenes: Sequence[ScoredScene], level: float) -> Iterator[_Held]:
    groups = [_groups(scene, scenes) for scene in scenes]
    weights = _weights(scenes)
    for group in sorted(set().union(*(set(mine.values()) for mine in groups))):
        kept, kept_weights, left = [], [], []
        for scene, mine, weight in zip(scenes, groups, weights, strict=True):
            inside = np.array([image for image, number in mine.items() if number == group], int)
            outside = np.array([image for image, number in mine.items() if number != group], int)
            if len(outside):
                kept.append(scene.truth.of(outside))
                kept_weights.append(weight)
            if len(inside):
                left.append((scene.truth.of(inside), scene.again.of(inside), weight))
        width = fit_width(kept, np.array(kept_weights), level)
        for truth, again, weight in left:
            factor = factor_of(again, width, level) if len(again.errors) else math.nan
            yield _Held(factor, _ratios(truth, width), weight)


def _weights(scenes: Sequence[ScoredScene]) -> Array:
    """Return the weight of each scene: locations weigh the same at each pixel size."""
    keys = [(scene.location, scene.reduction) for scene in scenes]
    return np.array([1 / keys.count(key) for key in keys])


def _groups(scene: ScoredScene, scenes: Sequence[ScoredScene]) -> dict[int, int]:
    """Return the group of each image that is left out together."""
    locations = sorted({each.location for each in scenes})
    images = np.unique(scene.truth.images)
    if len(locations) >= FEWEST_LOCATIONS:
        return dict.fromkeys(images.tolist(), locations.index(scene.location))
    return {image: number % PARTS for number, image in enumerate(images.tolist())}


def half_widths(samples: Samples, calibration: Calibration, factor: float) -> Array:
    """Return the half-widths of the intervals of samples from a scene with this factor."""
    logs = log_widths(calibration.width, np.ascontiguousarray(samples.features.T))
    return np.asarray(np.exp(logs) * calibration.correction * factor**calibration.power)


def _even(image: Array) -> Array:
    """Return an image without a last odd row and column."""
    _, height, width = image.shape
    return image[:, : height // SCALE * SCALE, : width // SCALE * SCALE]


def _ratios(samples: Samples, width: WidthModel) -> Array:
    widths = np.exp(log_widths(width, np.ascontiguousarray(samples.features.T)))
    return np.asarray(samples.errors / widths)


def _power(held: Sequence[_Held], level: float) -> float:
    """Return the slope of the logarithm of the factor needed over that of the scene factor.

    Both are measured on samples, so it is the slope of the line with the least squared distances
    (total least squares). That of a regression is too small for the scenes at both ends; it is
    taken where the two are hardly related.
    """
    pairs = np.array([(part.factor, np.quantile(part.ratios, level)) for part in held])
    known = (pairs > 0).all(axis=1)
    if known.sum() < FEWEST_FACTORS:
        return 1.0
    weights = np.array([part.weight for part in held])[known]
    spread = np.cov(np.log(pairs[known]).T, aweights=weights) + _ROUNDING * np.eye(2)
    if spread[0, 1] < RELATED * math.sqrt(spread[0, 0] * spread[1, 1]):
        slope = spread[0, 1] / spread[0, 0]
    else:
        _, axes = np.linalg.eigh(spread)
        slope = axes[1, -1] / axes[0, -1]
    return round(float(np.clip(slope, 0, 1)), 4)


def _correction(held: Sequence[_Held], level: float, power: float) -> float:
    """Return the constant with which held-out scenes are covered, on average."""
    ratios = [
        part.ratios / (1.0 if math.isnan(part.factor) else max(part.factor, _ROUNDING) ** power)
        for part in held
    ]
    pooled = np.concatenate(ratios)
    total = sum(part.weight for part in held)
    weights = np.concatenate(
        [
            np.full(len(ratio), part.weight / total / len(ratio))
            for part, ratio in zip(held, ratios, strict=True)
        ]
    )
    order = pooled.argsort()
    reached = np.searchsorted(weights[order].cumsum(), level - _ROUNDING)
    return max(float(pooled[order[min(int(reached), len(order) - 1)]]), _ROUNDING)


def _require_enough(images: int, level: float) -> None:
    if not 0 < level < 1:
        raise UserError(
            "coverage-invalid",
            f"a coverage of {level:.0%}",
            "choose a level between 0 and 1, e.g. 0.9",
        )
    needed = math.ceil(level / (1 - level) - _ROUNDING)
    if images < needed:
        raise UserError(
            "too-few-chips",
            f"{images} chips are too few to calibrate intervals that cover {level:.0%}",
            f"calibrate with at least {needed} chips, or choose a lower level",
        )
