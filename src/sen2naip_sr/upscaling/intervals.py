"""The intervals of a scene: its factor, and in words what can be promised of them."""

from dataclasses import dataclass

from sen2naip_sr.degradation import Recipe
from sen2naip_sr.inference.intervals.scene import SceneFactor, estimate_factor
from sen2naip_sr.inference.intervals.width import Intervals
from sen2naip_sr.inference.network import Network
from sen2naip_sr.inference.values import ValueRange
from sen2naip_sr.models.conditions import RECIPE_BLUR, Conditions
from sen2naip_sr.raster.protocol import Scene
from sen2naip_sr.weights.calibration import Calibration

NOISY = 1.5 / 255
"""Noise, as a share of the value range, from which on a scene is unlike the clean images that
intervals are calibrated on."""

OTHER_BLUR = 0.1
"""Difference to the recipe's blur, in pixels, from which on a scene is unlike them, too."""

FARTHEST = 2.0
"""Scene factors are used up to so many times beyond those of the calibration."""


@dataclass(frozen=True)
class SceneIntervals:
    """What makes the intervals of a scene.

    Attributes:
        made_by: What computes the half-widths.
        in_words: What they are to hold, and where that is not promised.
    """

    made_by: Intervals
    in_words: str


def intervals_for(  # noqa: PLR0913 - the last three are keywords
    scene: Scene,
    network: Network,
    value_range: ValueRange,
    *,
    calibration: Calibration,
    recipe: Recipe,
    told: Conditions | None,
) -> SceneIntervals:
    """Return what makes the intervals of a scene.

    Args:
        scene: The scene.
        network: The network for the scene.
        value_range: Digital numbers that become 0 and 1.
        calibration: The calibration of its weights.
        recipe: What it was trained to invert.
        told: What the network is told of the scene, if anything.

    Raises:
        UserError: If the scene cannot be read, or the calibration is another version's.
    """
    factor = estimate_factor(scene, network, value_range, calibration, recipe)
    least, most = calibration.factors
    used = min(max(factor.value, least / FARTHEST), most * FARTHEST)
    known = f" ({'; '.join(calibration.sensors)})" if calibration.sensors else ""
    words = [
        f"{calibration.level:.0%} of true values lie within the half-width of the result, on clean "
        f"images like those of the calibration{known}; of other sensors nothing is promised"
    ]
    if not factor.problem:
        words.append(f"scene factor {used:.2f} from {factor.windows} windows")
    doubts = _doubts(factor, calibration, told)
    if doubts:
        words.append(f"nothing is promised of this scene: {', '.join(doubts)}")
    return SceneIntervals(Intervals(calibration, used), "; ".join(words))


def _doubts(factor: SceneFactor, calibration: Calibration, told: Conditions | None) -> list[str]:
    """Return why a scene is unlike those of the calibration."""
    found = []
    least, most = calibration.factors
    if factor.problem:
        found.append(f"no scene factor can be estimated, since {factor.problem}, and 1 is used")
    elif not least <= factor.value <= most:
        found.append(f"the calibration's scene factors are {least:.2f} to {most:.2f}")
    if told is None:
        return found
    if told.noise and sum(told.noise) / len(told.noise) > NOISY:
        found.append("it is noisy")
    if any(abs(width - RECIPE_BLUR) > OTHER_BLUR for axes in told.blur or () for width in axes):
        found.append("it is not blurred like the calibration's images")
    if told.compression:
        found.append("it was compressed")
    return found
