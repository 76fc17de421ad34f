"""Which optimiser trains a network."""

from typing import Any

from pydantic import Field

from sen2naip_sr.parameters import Parameters


class OptimizerParameters(Parameters):
    """An optimiser and its arguments; the learning rate belongs to the schedule."""

    path: str = "torch.optim.AdamW"
    """The optimiser's class by its dotted path: of torch.optim, or any that can be imported."""
    arguments: dict[str, Any] = Field(
        default_factory=lambda: {"betas": [0.9, 0.99], "weight_decay": 0.0}
    )
    """What its constructor takes beside weights and learning rate. Lists become tuples."""
