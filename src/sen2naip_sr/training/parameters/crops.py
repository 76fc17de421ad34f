"""Positions and augmentation of crops; see docs/augmentation.md."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from sen2naip_sr.parameters import Parameters

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class PixelSizeParameters(Parameters):
    """Crops of larger pixels than the data's, so that one network serves several pixel sizes."""

    share: Share = 0.5
    """Share of a batch's crops that come from reduced HR chips, on average over the steps."""
    largest: float = Field(default=4.0, ge=1, allow_inf_nan=False)
    """Largest factor of reduction. Factors are drawn log-uniformly from 1 to this, or to the
    largest factor that a chip has room for, if that is smaller."""


class BandJitterParameters(Parameters):
    """Gain and offset of each crop and band, like changes of illumination and calibration."""

    gain: float = Field(default=0.08, ge=0)
    """Largest relative change of brightness that all bands of a crop share."""
    band_gain: float = Field(default=0.02, ge=0)
    """Largest additional change of each band."""
    offset: float = Field(default=0.0, ge=0, lt=1)
    """Largest offset of each band, up or down, as a share of the value range."""

    @model_validator(mode="after")
    def _gains_stay_positive(self) -> Self:
        if self.gain + self.band_gain >= 1:
            raise ValueError("'gain' and 'band_gain' together must be less than 1")
        return self


class CutBlurParameters(Parameters):
    """LR crops in which another recipe makes a square, or all but a square, from the same HR."""

    share: Share = 0.25
    """Share of a batch's crops that are changed, on average over the steps."""
    recipe: str = "blur_noise"
    """The other recipe."""
    side: float = Field(default=0.7, gt=0, le=1)
    """Side of the square as a share of the crop's."""


class AugmentationParameters(Parameters):
    """Augmentation of crops. By default only flips and quarter turns."""

    flips: bool = True
    """Mirror crops at random, along either axis."""
    quarter_turns: bool = True
    """Turn crops at random by multiples of 90 degrees."""
    pixel_sizes: PixelSizeParameters | None = None
    """Add crops of larger pixels; null: only the data's pixel size."""
    band_jitter: BandJitterParameters | None = None
    """Vary brightness; null: do not."""
    cutblur: CutBlurParameters | None = None
    """Mix two recipes in a crop; null: one recipe per crop."""
    recipes: dict[str, Weight] = Field(default_factory=dict)
    """Recipes that make the LR of crops, with their relative frequencies; empty: only the recipe of
    the stored LR."""


class DetailParameters(Parameters):
    """Crops that prefer detail."""

    share: float = Field(default=0.5, ge=0, le=1)
    """Share of crops that are drawn by detail; the rest is drawn uniformly."""
    power: float = Field(default=0.5, ge=0, le=4)
    """Positions are drawn in proportion to this power of their gradient energy: 0.5 is
    proportional to the gradient's magnitude, 0 is uniform."""
    cells: int = Field(default=8, ge=1, le=256)
    """Rows and columns of the grid of cells in a chip, whose energy is kept in memory."""
    largest_weight: float = Field(default=4.0, ge=1)
    """Importance weights are clipped to this."""
    weighted: bool = False
    """Weight the losses of crops so that their mean is that of uniform draws: less noise at detail,
    but no preference for it."""
