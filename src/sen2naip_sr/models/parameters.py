"""Parameters of every architecture. Imports no torch, so that start-up stays quick."""

from pydantic import Field

from sen2naip_sr.parameters import Parameters


class InterpolationParameters(Parameters):
    """Interpolations have no parameters."""


class CARNParameters(Parameters):
    """Size of a `sen2naip_sr.models.carn.CARN`."""

    channels: int = Field(default=64, ge=1)
    """Feature maps of every layer."""
    blocks: int = Field(default=3, ge=1)
    """Cascading blocks."""
    units: int = Field(default=3, ge=1)
    """Residual blocks in each cascading block."""


NETWORK_PARAMETERS: dict[str, type[Parameters]] = {"carn": CARNParameters}
"""The parameters of every architecture with weights, by its name."""
