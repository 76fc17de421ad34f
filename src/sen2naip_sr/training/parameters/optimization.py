"""The optimiser, the schedule of its learning rate, and the growth of the batch."""

from typing import Any, Literal

from pydantic import Field

from sen2naip_sr.parameters import Parameters

ScheduleName = Literal["cosine", "one_cycle", "plateau", "warm_restarts", "constant"]


class OptimizerParameters(Parameters):
    """An optimiser and its arguments; the learning rate belongs to the schedule."""

    path: str = "torch.optim.AdamW"
    """Dotted path of the optimiser's class: of torch.optim or any other importable module."""
    arguments: dict[str, Any] = Field(
        default_factory=lambda: {"betas": [0.9, 0.99], "weight_decay": 0.0}
    )
    """Arguments of its constructor besides weights and learning rate. Lists become tuples."""


class ScheduleParameters(Parameters):
    """The schedule of the learning rate, as a share of its peak.

    A field that names a schedule is used by this schedule only.
    """

    name: ScheduleName = "cosine"
    """The shape. cosine: half a cosine; one_cycle: up and down; plateau: lowered whenever
    validation no longer improves; warm_restarts: several cosines; constant."""
    warmup_steps: int = Field(default=50, ge=0)
    """Steps over which the learning rate rises linearly at the start. Not used by one_cycle, which
    has a rise of its own."""
    final: float = Field(default=0.01, ge=0, le=1)
    """The final learning rate as a share of its peak: the end of one_cycle and of each cosine, and
    the minimum of plateau. Not used by constant."""
    peak_at: float = Field(default=0.3, gt=0, lt=1)
    """one_cycle: the share of the training before the peak."""
    start: float = Field(default=0.04, ge=0, le=1)
    """one_cycle: the initial learning rate as a share of its peak."""
    cycles: int = Field(default=3, ge=1, le=100)
    """warm_restarts: the number of cosines."""
    growth: float = Field(default=2.0, ge=1, le=10)
    """warm_restarts: the length of each cosine relative to the one before."""
    factor: float = Field(default=0.5, gt=0, lt=1)
    """plateau: the factor that lowers the learning rate."""
    patience: int = Field(default=3, ge=1)
    """plateau: the number of validations in a row without a gain before the learning rate falls."""
    threshold: float = Field(default=0.02, ge=0)
    """plateau: a gain is an improvement of the best validation by more than this, dB."""


class BatchGrowthParameters(Parameters):
    """Growth of the batch towards the measured gradient noise scale, by gradient accumulation."""

    largest: int = Field(default=1, ge=1)
    """The largest number of batches of ``batch_size`` in one step; 1: the batch never grows."""
    every: int = Field(default=200, ge=1)
    """Steps between decisions; each can double the batch."""
