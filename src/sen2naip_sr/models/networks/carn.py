"""CARN: cascading residual network.

Ahn, Kang and Sohn 2018, "Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual
Network", https://arxiv.org/abs/1803.08664 (figure 2c and 3c; not the mobile variant).

What differs from the paper:

- the output is the bicubic upscaling plus a correction whose last convolution starts at zero, so
  an untrained network is exactly bicubic;
- the input is centred on 0.5, whatever the bands, instead of by two fixed layers that take the
  RGB mean off and put it back (24 numbers);
- one 2x upsampler, initialised by ICNR, instead of one for each of 2x, 3x and 4x, of which only
  one is used at a time;
- any number of bands, channels, blocks and units.

The authors' code has 964,187 parameters for 3 bands and 2x alone, which are these 964,163 and the
24 of the mean shifts. The 1,592 thousand of the paper's tables hold the 3x upsampler (64 to
9 x 64 channels) and the two stages of the 4x one (each as that of 2x) too.
"""

from collections.abc import Callable, Sequence

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from sen2naip_sr.models.blocks import (
    GlobalResidualNetwork,
    ResidualBlock,
    SubPixelUpsampler,
    centred,
    zeroed,
)
from sen2naip_sr.models.spec import ModelSpec
from sen2naip_sr.parameters import Parameters


class CARNParameters(Parameters):
    """Size of `CARN`."""

    channels: int = Field(default=64, ge=1)
    """Feature maps of every layer."""
    blocks: int = Field(default=3, ge=1)
    """Cascading blocks."""
    units: int = Field(default=3, ge=1)
    """Residual blocks in each cascading block."""


class Cascade(nn.Module):
    """Stages in a row, each followed by a 1 x 1 fusion of the input and every stage so far.

    Args:
        stages: Modules that keep shape and channels.
        channels: Feature maps in and out.
        repeats: How often to go through the stages, with the same weights but other fusions.
    """

    def __init__(self, stages: Sequence[nn.Module], channels: int, repeats: int = 1) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.repeats = repeats
        self.fusions = nn.ModuleList(
            nn.Conv2d(channels * (number + 2), channels, 1)
            for number in range(repeats * len(stages))
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, h, w) to the same shape."""
        seen = [features]
        for stage, fusion in zip(list(self.stages) * self.repeats, self.fusions, strict=True):
            seen.append(stage(features))
            aligned = [centred(maps, seen[-1]) for maps in seen]
            features = F.relu(fusion(torch.cat(aligned, dim=1)), inplace=True)
        return features


class CascadingNetwork(GlobalResidualNetwork):
    """What CARN and CARN-M share: entry, cascade of cascading blocks, upsampler, exit.

    Args:
        bands: Image bands in and out.
        channels: Feature maps of every layer.
        make_block: Makes a cascading block.
        blocks: Cascading blocks.
        groups: Groups of the upsampler's convolution.
    """

    shrinkable = True

    def __init__(
        self,
        bands: int,
        channels: int,
        make_block: Callable[[], nn.Module],
        blocks: int,
        groups: int = 1,
    ) -> None:
        super().__init__(bands)
        self.entry = nn.Conv2d(bands, channels, 3, padding=1)
        self.body = Cascade([make_block() for _ in range(blocks)], channels)
        self.upsampler = SubPixelUpsampler(channels, groups)
        self.exit = zeroed(nn.Conv2d(channels, bands, 3, padding=1))

    def correction(self, image: Tensor, upscaled: Tensor) -> Tensor:
        """Return the correction of the bicubic upscaling, from the low-resolution image."""
        return self.exit(self.upsampler(self.body(self.entry(image - 0.5))))


class CARN(CascadingNetwork):
    """Cascading residual network for 2x super-resolution; see `CARNParameters` for its size."""

    def __init__(self, bands: int, channels: int, blocks: int, units: int) -> None:
        def make_block() -> Cascade:
            return Cascade([ResidualBlock(channels) for _ in range(units)], channels)

        super().__init__(bands, channels, make_block, blocks)
        self.receptive_field = cascading_receptive_field(blocks, units)


def cascading_receptive_field(blocks: int, units: int) -> int:
    """Return the pixels to each side that ``blocks`` of ``units`` residual blocks depend on."""
    # entry, two convolutions a unit, upsampler; the exit's one HR pixel reaches one LR pixel
    return 1 + 2 * units * blocks + 1 + 1


SPEC = ModelSpec("CARN", CARN, CARNParameters)
