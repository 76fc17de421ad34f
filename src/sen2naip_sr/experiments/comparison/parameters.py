"""Parameters of cross-validation, comparisons and overfitting. Imports no torch."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from sen2naip_sr.degradation.parameters import SensorParameters
from sen2naip_sr.experiments.running.parameters import (
    ExperimentParameters,
    TrainingChanges,
    without_nulls,
)
from sen2naip_sr.parameters import Parameters

VariationName = Annotated[str, Field(pattern=r"^\w[\w .-]*$")]
"""A name that is valid as a folder, in MLflow and in figures."""


class CrossValidationParameters(ExperimentParameters):
    """How much the score depends on which places are held out."""

    folds: int | None = Field(None, ge=2)
    """Groups of whole places, each held out once; null: the folds of the splits."""
    seed: int = 0
    """Seeds the assignment of places to folds, where ``folds`` is given."""


class VariationParameters(Parameters):
    """What differs in one variation of a comparison."""

    model: str | None = None
    """The network; null: that of the comparison."""
    architecture: dict[str, Any] | None = None
    """The architecture's parameters; null: those of the network's own ``parameters_*.yml``."""
    training: TrainingChanges = Field(default_factory=dict)
    """Training parameters that differ, nested as in ``parameters_*.yml``."""
    against: str | None = None
    """Another variation to compare this one with; every variation is compared with the best."""

    @property
    def changes(self) -> dict[str, Any]:
        """What differs from a network's parameters."""
        architecture = {} if self.architecture is None else {"architecture": self.architecture}
        return {**architecture, "training": self.training}


class ComparisonParameters(ExperimentParameters):
    """Variations that are trained on the same chips with the same budget and compared."""

    asks: str = ""
    """The question that it answers, in words; the findings begin with it."""
    variations: dict[VariationName, VariationParameters] = Field(min_length=2)
    """By name. Null removes one that another configuration file defines."""
    learning_rates: list[float] = Field(default_factory=list)
    """Factors on the learning rate. Each variation is trained once for each factor, and the
    training with the best held-out score represents it. Empty: one training at its own rate."""
    tests: dict[VariationName, SensorParameters] = Field(default_factory=dict)
    """Sensors by name that observe the held-out chips. The table then has the mean gain over
    Lanczos of every variation under each. Null removes one."""
    figure: Literal["cost", "losses", "bars", "gains"] = "bars"
    """What the figure and the findings show beside PSNR. cost: parameters, multiply-adds and
    milliseconds; losses: the metrics of `sen2naip_sr.metrics.catalogue.OVERVIEW`; gains: those
    under the sensors of ``tests``; bars: nothing."""

    _nulls_remove = field_validator("variations", "tests", mode="before")(without_nulls)

    @model_validator(mode="after")
    def _gains_are_measured(self) -> Self:
        if self.figure == "gains" and not self.tests:
            raise ValueError("the figure 'gains' shows those of 'tests', and there are none")
        return self

    @model_validator(mode="after")
    def _are_compared_with_others(self) -> Self:
        for name, variation in self.variations.items():
            others = self.variations.keys() - {name}
            if variation.against is not None and variation.against not in others:
                raise ValueError(
                    f"variation '{name}': against '{variation.against}', which is none of the "
                    f"others ({', '.join(sorted(others))})"
                )
        return self


class OverfitParameters(ExperimentParameters):
    """Whether a network can represent a few chips at all."""

    chips: PositiveInt | Annotated[list[NonNegativeInt], Field(min_length=1)] = 3
    """Training chips to overfit: how many (spread evenly over all), or a list of their numbers."""
    target_psnr: float = Field(45.0, gt=0)
    """Stop at this PSNR on these chips, dB."""
    frames: int = Field(40, ge=2)
    """Largest number of pictures in the animation."""
    crop: int = Field(96, ge=16)
    """Side of the part of a chip that it shows, in HR pixels."""
