"""The parameters of one network and its training."""

from typing import Any

from pydantic import Field

from sen2naip_sr.parameters import Parameters
from sen2naip_sr.training.parameters.training import TrainingParameters


class NetworkParameters(Parameters):
    """One network of a training pipeline or an experiment."""

    architecture: dict[str, Any] = Field(default_factory=dict)
    """The architecture's parameters; see `sen2naip_sr.models.networks`."""
    start_from: str | None = None
    """A weights file of the same architecture to start from, or ``shipped`` for the project's own
    weights; null: random weights, or, for the GAN, those of its generator. Weights to start from
    determine the size of the network; ``architecture`` is then ignored."""
    training: TrainingParameters
