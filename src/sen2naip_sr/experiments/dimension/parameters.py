"""The parameters of the experiment on intrinsic dimension. Imports no torch."""

from typing import Any, Self

from pydantic import Field, PositiveInt, model_validator

from sen2naip_sr.experiments.running.parameters import ExperimentParameters


class IntrinsicDimensionParameters(ExperimentParameters):
    """Which subspaces are trained, and which points the dimension is estimated from."""

    seed: int = Field(default=0, ge=0)
    """Seeds the network, its projections and the choice of points."""
    architecture: dict[str, Any] | None = Field(
        default_factory=lambda: {"channels": 16, "blocks": 2}
    )
    """Architecture parameters that differ; null: the network's own."""
    dimensions: list[PositiveInt] = Field(default=[16, 64, 256, 1024, 4096, 14512], min_length=1)
    """Dimensions of the subspaces. Those above the number of weights are left out."""
    share: float = Field(default=0.9, gt=0, le=1)
    """Share of the whole network's gain over bicubic that a subspace has to reach."""
    chips: int = Field(default=32, ge=1)
    """Largest number of training chips to draw points from, spread evenly over all."""
    patches: int = Field(default=2000, ge=8)
    """Number of points of every kind."""
    patch_sides: list[PositiveInt] = Field(default=[3, 5, 7], min_length=1)
    """Sides of the patches, in low-resolution pixels."""
    neighbours: int = Field(default=10, ge=2)
    """Neighbours of a point that the maximum-likelihood estimator uses."""
    subsamples: int = Field(default=10, ge=2)
    """Groups of points for the 95 % interval, each of at least ``2 neighbours`` points."""

    @model_validator(mode="after")
    def _points_fill_groups(self) -> Self:
        needed = 2 * self.neighbours * self.subsamples
        if self.patches < needed:
            raise ValueError(
                f"{self.subsamples} subsamples with {self.neighbours} neighbours need {needed} "
                f"patches or more, not {self.patches}"
            )
        return self
