"""Parameters of the search for hyperparameters."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from sen2naip_sr.experiments.running.parameters import (
    ExperimentParameters,
    TrainingChanges,
    without_nulls,
)
from sen2naip_sr.parameters import Parameters

Choice = bool | int | float | str | None


class RangeParameters(Parameters):
    """The range of one hyperparameter: from low to high, or a list of choices."""

    low: float | None = None
    """The smallest value."""
    high: float | None = None
    """The largest value."""
    log: bool = False
    """Search on a logarithmic scale."""
    step: float | None = Field(None, gt=0)
    """Distance between the values; null: any value between the ends."""
    whole: bool = False
    """Integers only."""
    choices: list[Choice] | None = Field(None, min_length=2)
    """Values to choose from, instead of low and high."""

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> Self:
        ends = self.low is not None and self.high is not None
        if (self.choices is not None) == ends:
            raise ValueError("give low and high, or choices")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if self.log and self.low is not None and (self.low <= 0 or self.step):
            raise ValueError("log needs low above 0, and no step")
        return self


class TuningParameters(ExperimentParameters):
    """The search for a network's hyperparameters."""

    trials: int = Field(20, ge=1)
    """Number of trials, those of earlier runs of the same study included. The first has the
    network's own parameters."""
    space: dict[str, RangeParameters] = Field(min_length=1)
    """Ranges by the hyperparameter's place in the network's parameters, for instance
    ``training.learning_rate``; null removes one."""
    sampler: Literal["tpe", "random", "gp"] = "tpe"
    """Proposes trials: tree-structured Parzen estimators, chance, or Gaussian processes."""
    reduction: int = Field(3, ge=2)
    """Successive halving: one of so many trials that reach a rung continues."""
    first_rung: int = Field(1, ge=1)
    """Validations before a trial can be pruned."""
    seed: int = 0
    """Seeds the sampler."""
    confirm: TrainingChanges | None = Field(default_factory=dict)
    """Training parameters that differ when the best trial and the network's own parameters are
    compared on places that the search has not scored; null: no confirmation."""

    _nulls_remove = field_validator("space", mode="before")(without_nulls)
