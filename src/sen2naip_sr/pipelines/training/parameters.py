"""The parameters of one network's training pipeline."""

from typing import Any

from pydantic import Field

from sen2naip_sr.parameters import Parameters
from sen2naip_sr.training.parameters import TrainingParameters


class NetworkParameters(Parameters):
    """What is built, and how it is trained."""

    architecture: dict[str, Any] = Field(default_factory=dict)
    """The architecture's parameters; see `sen2naip_sr.models.parameters`."""
    training: TrainingParameters
