"""How crops are varied between the data and the network; see docs/augmentation.md."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from sen2naip_sr.parameters import Parameters

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class PixelSizeParameters(Parameters):
    """Crops of larger pixels than the data's, so that one network serves several pixel sizes."""

    share: Share = 0.5
    """Share of a batch's crops that is cut from reduced HR chips, met on average over the steps."""
    largest: float = Field(default=4.0, ge=1, allow_inf_nan=False)
    """Largest factor of reduction. Factors are drawn log-uniformly from 1 up to this, or up to
    what a chip holds where that is less."""


class BandJitterParameters(Parameters):
    """Gain and offset of each crop and band, as illumination and calibration vary them."""

    gain: float = Field(default=0.08, ge=0)
    """Largest relative change of brightness that all bands of a crop have in common."""
    band_gain: float = Field(default=0.02, ge=0)
    """Largest further change of each band by itself."""
    offset: float = Field(default=0.0, ge=0, lt=1)
    """Largest shift of each band, up or down, as a share of the value range."""

    @model_validator(mode="after")
    def _gains_stay_positive(self) -> Self:
        if self.gain + self.band_gain >= 1:
            raise ValueError("'gain' and 'band_gain' together have to be less than 1")
        return self


class CutBlurParameters(Parameters):
    """LR crops with a square, or all but a square, made by another recipe from the same HR."""

    share: Share = 0.25
    """Share of a batch's crops that is treated, met on average over the steps."""
    recipe: str = "blur_noise"
    """The other recipe."""
    side: float = Field(default=0.7, gt=0, le=1)
    """Side of the square as a share of the crop's."""


class AugmentationParameters(Parameters):
    """How crops are varied. What is not given is not done."""

    flips: bool = True
    """Mirror crops at random, along either axis."""
    quarter_turns: bool = True
    """Turn crops at random by multiples of 90 degrees."""
    pixel_sizes: PixelSizeParameters | None = None
    """Mix in crops of larger pixels; null: the data's pixel size alone."""
    band_jitter: BandJitterParameters | None = None
    """Vary brightness; null: leave values as they are."""
    cutblur: CutBlurParameters | None = None
    """Mix two recipes within a crop; null: one recipe a crop."""
    recipes: dict[str, Weight] = Field(default_factory=dict)
    """Recipes by name and how often each makes a crop's LR, relative to the others; empty: the
    recipe of the stored LR alone."""
