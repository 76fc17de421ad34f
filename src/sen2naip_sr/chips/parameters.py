"""The parameters of preprocessing."""

from typing import Literal

from sen2naip_sr.chips.splits import SplitParameters
from sen2naip_sr.parameters import Parameters


class PreprocessingParameters(Parameters):
    """How LR is made of HR, and which chips train, validate and test."""

    recipe: Literal["bicubic_antialiased", "area", "bicubic_aliased", "blur_noise"] = (
        "bicubic_antialiased"
    )
    """The downscaling recipe; docs/protocol.md says what each does."""
    seed: int = 0
    """Seeds what is random about the recipe."""
    splits: SplitParameters = SplitParameters()
