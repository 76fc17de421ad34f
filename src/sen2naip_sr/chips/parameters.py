"""The parameters of preprocessing."""

from typing import Literal

from sen2naip_sr.chips.splits import SplitParameters
from sen2naip_sr.parameters import Parameters


class PreprocessingParameters(Parameters):
    """How LR is made from HR, and the split of the chips."""

    recipe: Literal["bicubic_antialiased", "area", "bicubic_aliased", "blur_noise"] = (
        "bicubic_antialiased"
    )
    """The downsampling recipe; docs/protocol.md describes each."""
    seed: int = 0
    """Seeds the noise of the recipe."""
    splits: SplitParameters = SplitParameters()
