"""The noise, blur and compression that a network is told of a scene: given or estimated."""

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from torch import Tensor

from sen2naip_sr.degradation.compression import jpeg_quality, table_scale
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.estimation.choice import Build
from sen2naip_sr.inference.estimation.estimate import Estimate, estimate_conditions
from sen2naip_sr.inference.estimation.windows import SCALE
from sen2naip_sr.inference.flat_areas import Calming, choose_calming
from sen2naip_sr.inference.values import ValueRange
from sen2naip_sr.models.conditions import RECIPE_BLUR, Conditions
from sen2naip_sr.raster.products.sensors import Published
from sen2naip_sr.upscaling.parameters import UpscalerParameters

if TYPE_CHECKING:
    from sen2naip_sr.raster.protocol import Scene

logger = logging.getLogger(__name__)

CONDITIONS = ("noise", "blur", "compression")
"""The names of what a network can be told."""

NOISIEST = 0.1
"""The highest noise that can be given, as a share of the value range: what is above it is rather a
number of another range. Estimates may be higher."""

_ESTIMATED, _GIVEN, _ASSUMED = "estimated", "given", "assumed"


@dataclass(frozen=True)
class Told:
    """What a network is told of a scene, and how much of its result is used.

    Attributes:
        conditions: The noise, blur and compression.
        sharpness: The share of the network's correction of the bicubic upscaling.
        calming: How flat areas are calmed; None: not at all.
        windows: (n, C, side, side), in [0, 1]: parts of the scene that it was estimated from; None
            if nothing was.
        in_words: Each of these by its name, and whether conditions were given, estimated or
            assumed.
    """

    conditions: Conditions
    sharpness: float
    calming: Calming | None
    windows: Tensor | None
    in_words: dict[str, str]


def tell(
    parameters: UpscalerParameters,
    scene: "Scene",
    value_range: ValueRange,
    build: Build,
    published: Published | None = None,
) -> Told:
    """Return what a network is told of a scene: what is given, and estimates of the rest.

    The estimated blur is what this network is best told. Of a scene that nothing can be estimated
    from, what is published of its sensor is assumed, or else the values of the recipe, and a
    warning says so. What the scene itself tells is not mixed with what is published, so a product
    gives what its bands give as any other raster.

    Args:
        parameters: What is given.
        scene: The scene.
        value_range: Digital numbers that become 0 and 1.
        build: Makes the network that is told some conditions.
        published: What is published of the scene's sensor, if anything.

    Raises:
        UserError: If the given noise is too high for the value range, or the scene cannot be read.
    """
    p, bands = parameters, scene.count
    given = _given(p, scene, value_range)
    wanted = [name for name in CONDITIONS if getattr(p, name) == "auto"]
    found = estimate_conditions(scene, value_range) if wanted else Estimate(None)
    rest = found.conditions or _assumed(published, bands, value_range)
    told = Conditions(*(getattr(rest if name in wanted else given, name) for name in CONDITIONS))
    sharpness = 1.0
    if found.conditions and "blur" in wanted:
        choice = found.choose(told, build)
        told = replace(told, blur=choice.blur and (choice.blur,) * bands)
        sharpness = choice.sharpness
    if p.sharpness != "auto":
        sharpness = p.sharpness
    if wanted and not found.conditions:
        logger.warning(
            "%s: %s cannot be estimated, since %s; %s is assumed. What to do: give what you know "
            "of it",
            scene.name,
            ", ".join(wanted),
            found.problem,
            f"what is published of {published.title}" if published else "a clean image",
        )
    origin = _ESTIMATED if found.conditions else f"{_ASSUMED}: {found.problem}"
    words = {
        name: f"{text} ({origin if name in wanted else _GIVEN})"
        for name, text in _in_words(told, value_range, "noise" in wanted).items()
    }
    windows = None if found.windows is None else found.windows / SCALE
    calming = _calming(p, found, windows)
    words["sharpness"] = f"{sharpness:g}"
    words["flat_areas"] = f"calmed by {calming.share:.0%}" if calming else "kept"
    return Told(told, sharpness, calming, windows, words)


def _assumed(published: Published | None, bands: int, value_range: ValueRange) -> Conditions:
    """Return the conditions of a scene that nothing can be estimated from."""
    if published is None:
        return Conditions.of_recipe(bands)
    low, high = value_range
    noise = tuple(min(level / (high - low), NOISIEST) for level in published.noise)
    return Conditions(noise, ((published.blur, published.blur),) * bands, 0.0)


def _calming(p: UpscalerParameters, found: Estimate, windows: Tensor | None) -> Calming | None:
    """Return how flat areas are calmed: not at all unless all that decides it is estimated."""
    automatic = p.flat_areas == p.noise == p.sharpness == "auto"
    if not automatic or found.conditions is None:
        return None
    assert found.conditions.noise is not None
    assert windows is not None
    return choose_calming(windows, found.conditions.noise)


def require_recipe(parameters: UpscalerParameters, label: str) -> None:
    """Check that nothing is to be told to weights that cannot be told anything.

    Raises:
        UserError: If a noise, blur or compression is given that is not the recipe's.
    """
    p = parameters
    known = {"noise": ("auto", 0), "blur": ("auto", "recipe"), "compression": ("auto", "none")}
    surplus = [name for name, values in known.items() if getattr(p, name) not in values]
    if surplus:
        raise UserError(
            "conditions-not-supported",
            f"{', '.join(surplus)}: the weights {label} were trained without conditions",
            "leave it out, or use weights that were trained with conditions",
        )


def _given(p: UpscalerParameters, scene: "Scene", value_range: ValueRange) -> Conditions:
    """Return the conditions that are given; None for those to be estimated."""
    noise = blur = compression = None
    bands = scene.count
    if p.noise != "auto":
        low, high = value_range
        share = p.noise / (high - low)
        if share > NOISIEST:
            raise UserError(
                "noise-out-of-range",
                f"{scene.name}: noise of {p.noise:g} digital numbers, where {low:g} to {high:g} "
                "become 0 to 1",
                f"give at most {NOISIEST * (high - low):g}",
            )
        noise = (share,) * bands
    if p.blur != "auto":
        width = RECIPE_BLUR if p.blur == "recipe" else p.blur
        blur = ((width, width),) * bands
    if p.compression != "auto":
        compression = 0.0 if p.compression == "none" else table_scale(p.compression)
    return Conditions(noise, blur, compression)


def _in_words(told: Conditions, value_range: ValueRange, uncertain: bool) -> dict[str, str]:
    low, high = value_range
    digits = 2 if uncertain else 6
    # rounded to so many digits, but written without an exponent
    levels = [f"{float(f'{share * (high - low):.{digits}g}'):g}" for share in told.noise or ()]
    widths = [f"{vertical:.2f} x {horizontal:.2f}" for vertical, horizontal in told.blur or ()]
    scale = told.compression
    return {
        "noise": f"{_joined(levels)} digital numbers",
        "blur": f"{_joined(widths)} pixels" if widths else "uncertain, not told",
        "compression": f"JPEG quality {jpeg_quality(scale):.0f}" if scale else "none",
    }


def _joined(values: list[str]) -> str:
    """Return the values of the bands, and one value if they are all the same."""
    return ", ".join(values[:1] if len(set(values)) == 1 else values)
