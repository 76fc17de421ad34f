"""GAN: another network as the generator of an adversarial training.

The network is the generator's own. What differs is how it is trained: see docs/gan.md.
"""

from typing import Any, Self

from pydantic import Field, ValidationError, model_validator
from torch import nn

from sen2naip_sr.models.networks import NETWORKS, architecture_parameters, network_spec
from sen2naip_sr.models.spec import ModelSpec
from sen2naip_sr.parameters import Parameters, describe_unknown, summarise

GENERATORS = [name for name in NETWORKS if name != "gan"]


class GANParameters(Parameters):
    """The generator of an adversarial training."""

    generator: str = "carn"
    """The generator's name among the networks."""
    generator_parameters: dict[str, Any] = Field(default_factory=dict)
    """The generator's own parameters."""

    @model_validator(mode="after")
    def _generator_is_valid(self) -> Self:
        if self.generator not in GENERATORS:
            raise ValueError(describe_unknown("generator", self.generator, GENERATORS))
        try:
            architecture_parameters(self.generator)(**self.generator_parameters)
        except ValidationError as error:
            raise ValueError(f"generator_parameters: {summarise(error)}") from error
        return self


def build_generator(bands: int, generator: str, generator_parameters: dict[str, Any]) -> nn.Module:
    """Build the generator, untrained; parameters that are not given take their defaults."""
    spec = network_spec(generator)
    return spec.build(bands, **spec.parameters(**generator_parameters).model_dump())


SPEC = ModelSpec("GAN", build_generator, GANParameters)
