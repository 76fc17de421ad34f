"""CARN: cascading residual network.

Ahn, Kang and Sohn 2018, "Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual
Network", https://arxiv.org/abs/1803.08664 (figure 2c and 3c; not the mobile variant).

What differs from the paper:

- the output is the bicubic upscaling plus a correction whose last convolution starts at zero, so
  an untrained network is exactly bicubic; this replaces the paper's two fixed layers that take
  the RGB mean off and put it back (24 numbers, counted in its 964,187; here are 964,163);
- the input is centred on 0.5 instead, whatever the bands;
- one 2x upsampler, initialised by ICNR, instead of one a scale;
- any number of bands, channels, blocks and units.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sen2naip_sr.models.blocks import ResidualBlock, SubPixelUpsampler
from sen2naip_sr.models.interpolation import upscale_bicubic


class Cascade(nn.Module):
    """Stages in a row, each followed by a 1 x 1 fusion of the input and every stage so far.

    Args:
        stages: Modules that keep shape and channels.
        channels: Feature maps in and out.
    """

    def __init__(self, stages: Sequence[nn.Module], channels: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.fusions = nn.ModuleList(
            nn.Conv2d(channels * (number + 2), channels, 1) for number in range(len(stages))
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, h, w) to the same shape."""
        seen = [features]
        for stage, fusion in zip(self.stages, self.fusions, strict=True):
            seen.append(stage(features))
            features = F.relu(fusion(torch.cat(seen, dim=1)), inplace=True)
        return features


class CARN(nn.Module):
    """Cascading residual network for 2x super-resolution.

    Args:
        bands: Image bands in and out.
        channels: Feature maps of every layer.
        blocks: Cascading blocks.
        units: Residual blocks in each cascading block.

    Attributes:
        receptive_field: Low-resolution pixels to each side that an output pixel depends on.
        multiple: Height and width may be any multiple of this.
    """

    multiple = 1

    def __init__(self, bands: int, channels: int = 64, blocks: int = 3, units: int = 3) -> None:
        super().__init__()
        # entry, two convolutions a unit, upsampler; the exit's one HR pixel reaches one LR pixel
        self.receptive_field = 1 + 2 * units * blocks + 1 + 1
        self.entry = nn.Conv2d(bands, channels, 3, padding=1)
        self.body = Cascade(
            [
                Cascade([ResidualBlock(channels) for _ in range(units)], channels)
                for _ in range(blocks)
            ],
            channels,
        )
        self.upsampler = SubPixelUpsampler(channels)
        self.exit = nn.Conv2d(channels, bands, 3, padding=1)
        nn.init.zeros_(self.exit.weight)
        assert self.exit.bias is not None
        nn.init.zeros_(self.exit.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Upscale images.

        Args:
            image: (B, bands, h, w), float, values in [0, 1].

        Returns:
            (B, bands, 2h, 2w), not clipped.
        """
        correction = self.exit(self.upsampler(self.body(self.entry(image - 0.5))))
        return upscale_bicubic(image) + correction
