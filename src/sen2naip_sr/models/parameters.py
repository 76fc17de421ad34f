"""Parameters of every architecture. Imports no torch, so that start-up stays quick."""

from typing import Any, Literal, Self

from pydantic import Field, PositiveInt, ValidationError, model_validator

from sen2naip_sr.parameters import Parameters, describe_unknown


class InterpolationParameters(Parameters):
    """Interpolations have no parameters."""


class LeanParameters(Parameters):
    """Size of a `sen2naip_sr.models.lean.Lean`."""

    channels: int = Field(default=48, ge=1)
    """Feature maps of every layer."""
    blocks: int = Field(default=10, ge=1)
    """Residual blocks."""


class CARNParameters(Parameters):
    """Size of a `sen2naip_sr.models.carn.CARN`."""

    channels: int = Field(default=64, ge=1)
    """Feature maps of every layer."""
    blocks: int = Field(default=3, ge=1)
    """Cascading blocks."""
    units: int = Field(default=3, ge=1)
    """Residual blocks in each cascading block."""


class CARNMParameters(Parameters):
    """Size of a `sen2naip_sr.models.carn_m.CARNM`."""

    channels: int = Field(default=64, ge=1)
    """Feature maps of every layer, a multiple of ``groups``."""
    groups: int = Field(default=4, ge=1)
    """Groups of the 3 x 3 convolutions."""
    blocks: int = Field(default=3, ge=1)
    """Cascading blocks."""
    units: int = Field(default=3, ge=1)
    """Passes through the residual-E block of each cascading block."""

    @model_validator(mode="after")
    def _channels_fill_groups(self) -> Self:
        if self.channels % self.groups:
            raise ValueError(
                f"channels ({self.channels}) has to be a multiple of groups ({self.groups})"
            )
        return self


class UNetParameters(Parameters):
    """Size and layers of a `sen2naip_sr.models.unet.UNet`."""

    widths: list[PositiveInt] = Field(default=[32, 64, 128], min_length=1)
    """Feature maps of every level, from the finest to the coarsest."""
    convolutions: int = Field(default=2, ge=1)
    """3 x 3 convolutions of a level, on the way down and again on the way up."""
    normalisation: Literal["none", "batch", "group", "instance"] = "none"
    """What follows each convolution. Group and instance normalisation make a result depend on the
    whole image, so that tiled prediction is not exact."""
    upsampling: Literal["resize", "sub_pixel"] = "sub_pixel"
    """How features get to the next finer level."""


DEFAULT_GENERATOR = "carn"
"""What an adversarial training trains unless told otherwise."""


class GANParameters(Parameters):
    """The generator of an adversarial training: another network, trained another way."""

    generator: str = DEFAULT_GENERATOR
    """The generator's name among the networks."""
    generator_parameters: dict[str, Any] = Field(default_factory=dict)
    """The generator's own parameters."""

    @model_validator(mode="after")
    def _generator_is_valid(self) -> Self:
        known = {name: model for name, model in NETWORK_PARAMETERS.items() if name != "gan"}
        if self.generator not in known:
            raise ValueError(describe_unknown("generator", self.generator, list(known)))
        try:
            known[self.generator](**self.generator_parameters)
        except ValidationError as error:
            raise ValueError(f"generator_parameters: {summarise(error)}") from error
        return self


NETWORK_PARAMETERS: dict[str, type[Parameters]] = {
    "lean": LeanParameters,
    "carn": CARNParameters,
    "carn_m": CARNMParameters,
    "unet": UNetParameters,
    "gan": GANParameters,
}
"""The parameters of every architecture with weights, by its name."""


def summarise(error: ValidationError) -> str:
    """Return what is wrong with which parameter, in one line."""
    return "; ".join(
        ".".join(map(str, problem["loc"]))
        + (": " if problem["loc"] else "")
        # what pydantic puts before the text of a validator of our own
        + problem["msg"].removeprefix("Value error, ")
        for problem in error.errors()
    )
