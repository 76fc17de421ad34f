"""The optimiser of a network."""

from typing import Any

from pydantic import Field

from sen2naip_sr.parameters import Parameters


class OptimizerParameters(Parameters):
    """An optimiser and its arguments; the learning rate belongs to the schedule."""

    path: str = "torch.optim.AdamW"
    """Dotted path of the optimiser's class: of torch.optim or any other importable module."""
    arguments: dict[str, Any] = Field(
        default_factory=lambda: {"betas": [0.9, 0.99], "weight_decay": 0.0}
    )
    """Arguments of its constructor besides weights and learning rate. Lists become tuples."""
