"""The factor by which a scene's errors differ from what their features tell.

It needs no truth: the scene itself, downscaled once more by the recipe and upscaled again, misses
itself by more or less than its features tell. What a scene is made of, and how sharp its sensor is,
changes little from one pixel size to the next, so the factor is nearly that of the scene's own
unknown truth.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation import Recipe
from sen2naip_sr.inference.estimation.windows import SCALE, sample_windows
from sen2naip_sr.inference.intervals.samples import Samples, downscaled, sample_errors
from sen2naip_sr.inference.intervals.width import log_widths
from sen2naip_sr.inference.values import ValueRange
from sen2naip_sr.weights.calibration import Calibration, WidthModel

if TYPE_CHECKING:
    from sen2naip_sr.inference.network import Network
    from sen2naip_sr.raster.protocol import Scene

SIDE = 96
"""Side of the part of a window that is used, in pixels. Many windows tell more than large ones."""


@dataclass(frozen=True)
class SceneFactor:
    """The factor of a scene.

    Attributes:
        value: The factor; 1 if it cannot be estimated.
        windows: Windows of the scene that it was estimated from.
        problem: Why it cannot be estimated, in words: a clause about the scene.
    """

    value: float = 1.0
    windows: int = 0
    problem: str = ""


def estimate_factor(
    scene: "Scene",
    network: "Network",
    value_range: ValueRange,
    calibration: Calibration,
    recipe: Recipe,
) -> SceneFactor:
    """Estimate the factor of a scene from some of its windows.

    It takes as long as upscaling those windows, whatever the size of the scene, and depends on
    nothing random.

    Args:
        scene: The scene.
        network: The network for the scene. Where it is told something wrong, or part of its
            correction is left out, the factor grows as the errors do.
        value_range: Digital numbers that become 0 and 1.
        calibration: The calibration of its weights.
        recipe: What the network was trained to invert.

    Raises:
        UserError: If the scene cannot be read.
    """
    sampled = sample_windows(scene, value_range)
    start = max(0, sampled.values.shape[-1] - SIDE) // 2
    middle = sampled.values[..., start : start + SIDE, start : start + SIDE]
    images = _as_in_scene(middle, scene.dtype, value_range)
    samples = Samples.joined(
        sample_errors(network, image, downscaled(image, recipe), value_range) for image in images
    )
    if not len(samples.errors):
        return SceneFactor(problem=sampled.problem)
    return SceneFactor(factor_of(samples, calibration.width, calibration.level), len(images))


def factor_of(samples: Samples, width: WidthModel, level: float) -> float:
    """Return the factor of half-widths with which they would cover the samples: 0 or more."""
    ratios = samples.errors / np.exp(log_widths(width, np.ascontiguousarray(samples.features.T)))
    return float(np.quantile(ratios, level))


def _as_in_scene(windows: Array, dtype: np.dtype[np.generic], value_range: ValueRange) -> Array:
    """Return sampled windows as digital numbers of the scene's dtype."""
    low, high = value_range
    values = windows.astype(np.float64) / SCALE * (high - low) + low
    return (np.rint(values) if np.issubdtype(dtype, np.integer) else values).astype(dtype)
