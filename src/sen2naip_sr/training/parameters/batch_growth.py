"""How the batch grows in the course of a training."""

from pydantic import Field

from sen2naip_sr.parameters import Parameters


class BatchGrowthParameters(Parameters):
    """How the batch grows towards the measured gradient noise scale, by accumulation."""

    largest: int = Field(default=1, ge=1)
    """At most so many batches of ``batch_size`` make up one step; 1: the batch never grows."""
    every: int = Field(default=200, ge=1)
    """Steps between decisions; each can double the batch once."""
