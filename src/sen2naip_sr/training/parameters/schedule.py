"""How the learning rate changes in the course of a training."""

from typing import Literal

from pydantic import Field

from sen2naip_sr.parameters import Parameters

ScheduleName = Literal["cosine", "one_cycle", "plateau", "warm_restarts", "constant"]


class ScheduleParameters(Parameters):
    """How the learning rate changes, as a share of its peak.

    A field that names a schedule belongs to that one alone; the others leave it unused.
    """

    name: ScheduleName = "cosine"
    """The shape: half a cosine; one_cycle: up and down again; plateau: lowered whenever
    validation no longer gains; warm_restarts: cosines one after another; constant."""
    warmup_steps: int = Field(default=50, ge=0)
    """Steps over which the learning rate rises linearly, before any shape but one_cycle, whose
    own rise is its warm-up."""
    final: float = Field(default=0.01, ge=0, le=1)
    """Where the learning rate ends as a share of its peak: the end of one_cycle and of each
    cosine, and the least that plateau goes down to. Unused by constant."""
    peak_at: float = Field(default=0.3, gt=0, lt=1)
    """one_cycle: the share of the training after which the peak is reached."""
    start: float = Field(default=0.04, ge=0, le=1)
    """one_cycle: where the learning rate begins, as a share of its peak."""
    cycles: int = Field(default=3, ge=1, le=100)
    """warm_restarts: how many cosines the training holds."""
    growth: float = Field(default=2.0, ge=1, le=10)
    """warm_restarts: how many times longer each cosine is than the one before."""
    factor: float = Field(default=0.5, gt=0, lt=1)
    """plateau: what the learning rate is multiplied by."""
    patience: int = Field(default=3, ge=1)
    """plateau: after so many validations in a row without a gain the learning rate is lowered."""
    threshold: float = Field(default=0.02, ge=0)
    """plateau: dB by which a validation has to pass the best one to count as a gain."""
