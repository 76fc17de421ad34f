"""The parameters of the experiment on intrinsic dimension. Imports no torch."""

from typing import Any, Self

from pydantic import Field, PositiveInt, model_validator

from sen2naip_sr.experiments.running.parameters import ExperimentParameters


class IntrinsicDimensionParameters(ExperimentParameters):
    """What is trained in which subspaces, and of which points the dimension is estimated."""

    seed: int = Field(default=0, ge=0)
    """Seeds the network, its projections, and which points are drawn."""
    architecture: dict[str, Any] | None = Field(
        default_factory=lambda: {"channels": 16, "blocks": 2}
    )
    """What differs in the network's size; null: as in ``parameters_*.yml``."""
    dimensions: list[PositiveInt] = Field(default=[16, 64, 256, 1024, 4096, 14512], min_length=1)
    """Dimensions of the subspaces that it is trained in. Those above the number of its weights
    are left out."""
    share: float = Field(default=0.9, gt=0, le=1)
    """Share of the whole network's gain over bicubic that a subspace has to reach."""
    chips: int = Field(default=32, ge=1)
    """At most so many training chips are points drawn from, spread evenly over all of them."""
    patches: int = Field(default=2000, ge=8)
    """Points whose dimension is estimated, of every kind."""
    patch_sides: list[PositiveInt] = Field(default=[3, 5, 7], min_length=1)
    """Sides of the patches, in low-resolution pixels."""
    neighbours: int = Field(default=10, ge=2)
    """Neighbours of a point that the maximum-likelihood estimator looks at."""
    subsamples: int = Field(default=10, ge=2)
    """Groups that the points are dealt into for the 95 % interval, each of ``2 neighbours`` points
    or more."""

    @model_validator(mode="after")
    def _points_fill_groups(self) -> Self:
        needed = 2 * self.neighbours * self.subsamples
        if self.patches < needed:
            raise ValueError(
                f"{self.subsamples} subsamples with {self.neighbours} neighbours need {needed} "
                f"patches or more, not {self.patches}"
            )
        return self
