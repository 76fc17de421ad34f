"""What is built, and how it is trained."""

from typing import Any

from pydantic import Field

from sen2naip_sr.parameters import Parameters
from sen2naip_sr.training.parameters.training import TrainingParameters


class NetworkParameters(Parameters):
    """One network of a training pipeline or an experiment."""

    architecture: dict[str, Any] = Field(default_factory=dict)
    """The architecture's parameters; see `sen2naip_sr.models.networks`."""
    start_from: str | None = None
    """A weights file of the same architecture to start from, or ``shipped`` for the one that comes
    with the project; null: random weights, or, for the GAN, those of its generator. The size of
    the network is then that of the weights, whatever ``architecture`` says."""
    training: TrainingParameters
