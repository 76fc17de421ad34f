"""Growth of the batch in the course of a training."""

from pydantic import Field

from sen2naip_sr.parameters import Parameters


class BatchGrowthParameters(Parameters):
    """Growth of the batch towards the measured gradient noise scale, by gradient accumulation."""

    largest: int = Field(default=1, ge=1)
    """The largest number of batches of ``batch_size`` in one step; 1: the batch never grows."""
    every: int = Field(default=200, ge=1)
    """Steps between decisions; each can double the batch."""
