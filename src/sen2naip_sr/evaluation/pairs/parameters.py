"""The parameters of the evaluation on real pairs."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from sen2naip_sr.parameters import Parameters
from sen2naip_sr.upscaling.parameters import Level, Quality, Width


class PairsParameters(Parameters):
    """Which real pairs are scored, and what networks are told of them."""

    folders: list[Path] = Field(default_factory=list)
    """Folders of pairs, or folders of such folders: see `sen2naip_sr.evaluation.pairs.pair`."""
    noise: Level | Literal["auto"] = "auto"
    """Standard deviation of the bands' noise in digital numbers. auto: estimated for each band."""
    blur: Width | Literal["auto", "recipe"] = "auto"
    """Width of the bands' blur in pixels, as the standard deviation of a Gaussian. auto: estimated.
    recipe: that of the images that the network was trained on."""
    compression: Quality | Literal["auto", "none"] = "auto"
    """JPEG quality that the bands were compressed with. auto: found in the bands."""
    sharpness: float = Field(default=1.0, ge=0, le=1)
    """Share of the network's correction that is added to the bicubic upscaling."""
    reach: float = Field(default=2.0, ge=0, le=8)
    """Largest error of the georeferencing on each axis that the registration finds, in pixels of
    the result."""
