"""CARN-M: the mobile cascading residual network.

Ahn, Kang and Sohn 2018, "Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual
Network", https://arxiv.org/abs/1803.08664 (sections 3.3 and 4.4). Against CARN it has residual-E
blocks of grouped convolutions, and goes through one of them several times in a cascading block,
with the same weights but each time another 1 x 1 fusion. The upsampler is grouped too.

The differences from the paper are those of `sen2naip_sr.models.networks.carn`: a correction to
bicubic that starts at zero, no mean shifts, one 2x upsampler with ICNR, any bands and sizes.

For 3 bands these are 257,027 parameters. The authors' three upsamplers of 2x, 3x and 4x make them
414,787 with biases and 412,032 without: the paper's 412 thousand leave biases out, although its
1,592 thousand of CARN hold them.
"""

from typing import Self

from pydantic import Field, model_validator

from sen2naip_sr.models.blocks import EfficientResidualBlock
from sen2naip_sr.models.networks.carn import Cascade, CascadingNetwork, cascading_receptive_field
from sen2naip_sr.models.spec import ModelSpec
from sen2naip_sr.parameters import Parameters


class CARNMParameters(Parameters):
    """Size of `CARNM`."""

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


class CARNM(CascadingNetwork):
    """Mobile cascading residual network for 2x super-resolution; its size is `CARNMParameters`."""

    def __init__(self, bands: int, channels: int, groups: int, blocks: int, units: int) -> None:
        def make_block() -> Cascade:
            return Cascade([EfficientResidualBlock(channels, groups)], channels, repeats=units)

        super().__init__(bands, channels, make_block, blocks, groups)
        self.receptive_field = cascading_receptive_field(blocks, units)


SPEC = ModelSpec("CARN-M", CARNM, CARNMParameters)
