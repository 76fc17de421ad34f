"""What a training's batches are made of, if not of the data's own LR and HR; see docs/training.md.

Shares are relative to each other.
"""

from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from sen2naip_sr.degradation.parameters import SensorParameters, ToldParameters, TruthParameters
from sen2naip_sr.parameters import Parameters

LARGEST_REDUCTION = 16

Reduction = Annotated[int, Field(ge=1, le=LARGEST_REDUCTION)]
Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class CropParameters(Parameters):
    """A kind of crop in a batch."""

    share: float = Field(gt=0)
    """How many of the batch's crops are of this kind, relative to the other kinds."""
    reduction: Reduction = 1
    """So many pixels become one on each axis first."""
    deep: bool = False
    """Whether the crops come from imagery of more than 8 bits."""


class BatchParameters(Parameters):
    """A kind of batch."""

    side: int = Field(ge=32, multiple_of=16)
    """Side of the HR crops in pixels, after the reduction."""
    images: int = Field(ge=2)
    """Crops in a batch."""
    turns: int = Field(default=1, ge=1)
    """Batches of this kind in a row."""
    crops: tuple[CropParameters, ...] = Field(min_length=1)
    """The kinds of crops. Those that there is no imagery for are left out."""


class SourceParameters(Parameters):
    """Imagery besides the training's own chips."""

    path: str
    """A folder of GeoTIFFs (its subfolders are places), one GeoTIFF, or a chip store. Places are
    drawn equally often."""
    share: Weight = 1.0
    """How often its imagery is drawn."""
    location: str | None = None
    """The ground that it shows; null: the name of each place without its date."""
    sensor: str | None = None
    """The sensor, for whoever reads the log and the weights' metadata."""
    bands: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    """Bands to take, from 1, in the order of the data's; null: the first ones."""
    value_range: tuple[float, float] | None = None
    """Digital numbers that become 0 and 1; null: 0 and 255 for 8 bits, for others as estimated from
    each image, and as recorded for stores."""

    @field_validator("value_range")
    @classmethod
    def _is_a_range(cls, limits: tuple[float, float] | None) -> tuple[float, float] | None:
        if limits is not None and not limits[0] < limits[1]:
            raise ValueError("the lower end must be below the upper end")
        return limits


class MixtureParameters(Parameters):
    """Imagery with shares, variations of the truth, and random sensors that make LR from it."""

    own: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """How often the training's own chips are drawn; 0: never. They validate and test anyway."""
    sources: dict[str, SourceParameters] = Field(default_factory=dict)
    """More imagery by name. Null removes what another configuration file defines."""
    pixel_sizes: dict[Reduction, Weight] = Field(default={1: 1.0}, min_length=1)
    """How often so many pixels are averaged to one on each axis. Chips that are too small for a
    reduction leave it out."""
    truth: TruthParameters | None = None
    """How HR is varied: tone, bands, softness; null: only turned and mirrored."""
    sensor: SensorParameters | None = None
    """The random sensors that make LR; null: the clean recipe alone."""
    told: ToldParameters = ToldParameters()
    """What a network with conditions is told of a sensor. Others are told nothing."""
    held_out: tuple[str, ...] = ()
    """Places that are never trained on, at any date, besides those of validation and test."""

    @field_validator("sources", mode="before")
    @classmethod
    def _nulls_remove(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value is not None}

    @model_validator(mode="after")
    def _has_imagery(self) -> Self:
        if not self.own and not self.sources:
            raise ValueError("without 'own' chips there must be 'sources'")
        return self
