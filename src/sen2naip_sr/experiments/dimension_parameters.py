"""The parameters of the experiment on intrinsic dimension. Imports no torch."""

from typing import Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from sen2naip_sr.parameters import Parameters


class IntrinsicDimensionParameters(Parameters):
    """What is trained in which subspaces, and of which points the dimension is estimated.

    The defaults take some minutes on two cores.
    """

    seed: int = Field(default=0, ge=0)
    """Seeds the network, its projections, and what is drawn."""
    model: str = "lean"
    """The network, by its name in the registry."""
    architecture_parameters: dict[str, Any] = Field(
        default_factory=lambda: {"channels": 16, "blocks": 2}
    )
    """Its size."""
    dimensions: list[PositiveInt] = Field(default=[16, 64, 256, 1024, 4096, 12288], min_length=1)
    """Dimensions of the subspaces that it is trained in. Those above the number of its weights
    are left out."""
    share: float = Field(default=0.9, gt=0, le=1)
    """Share of the whole network's gain over bicubic that a subspace has to reach."""
    steps: int | None = Field(default=300, ge=1)
    """Optimiser steps of every training, the one with all weights included."""
    minutes: float | None = Field(default=None, gt=0)
    """Wall-clock budget of every training instead of ``steps``."""
    batch_size: int = Field(default=8, ge=1)
    """Crops a step."""
    crop_size: int = Field(default=16, ge=1)
    """Side of a crop in low-resolution pixels."""
    learning_rate: float = Field(default=4e-3, gt=0)
    """With all weights. In a subspace it is larger by the root of weights / dimension, so that
    steps are as long."""
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"] = "auto"
    """Device to train on; auto: an accelerator where there is one."""
    chips: int = Field(default=32, ge=1)
    """At most so many chips are points drawn from, spread evenly over all of them."""
    patches: int = Field(default=2000, ge=8)
    """Points whose dimension is estimated, of every kind."""
    patch_sides: list[PositiveInt] = Field(default=[3, 5, 7], min_length=1)
    """Sides of the patches, in low-resolution pixels."""
    neighbours: int = Field(default=10, ge=2)
    """Neighbours of a point that the maximum-likelihood estimator looks at."""
    subsamples: int = Field(default=10, ge=2)
    """Groups that the points are dealt into for the 95 % interval, each of ``2 neighbours`` points
    or more."""

    @model_validator(mode="before")
    @classmethod
    def _minutes_replace_steps(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("minutes") is not None:
            return values | {"steps": None}
        return values

    @model_validator(mode="after")
    def _some_length(self) -> Self:
        if self.steps is None and self.minutes is None:
            raise ValueError("give 'steps' or 'minutes': how long to train")
        return self

    @model_validator(mode="after")
    def _points_fill_groups(self) -> Self:
        needed = 2 * self.neighbours * self.subsamples
        if self.patches < needed:
            raise ValueError(
                f"{self.subsamples} subsamples with {self.neighbours} neighbours need {needed} "
                f"patches or more, not {self.patches}"
            )
        return self
