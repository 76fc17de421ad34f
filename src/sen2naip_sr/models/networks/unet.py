"""U-Net on the bicubic upscaling.

Ronneberger, Fischer and Brox 2015, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", https://arxiv.org/abs/1505.04597. Weights start as in its section 3.

What differs from the paper:

- the input is the bicubic upscaling, centred on 0.5, and the output a correction of it whose last
  convolution starts at zero, so an untrained network is exactly bicubic;
- convolutions pad with zeros, so the output is as large as the input; sizes that do not halve
  evenly are padded at the right and at the bottom by their last pixels, and the result is cropped;
- the 2 x 2 transposed convolutions are replaced by what cannot begin with a checkerboard:
  ``sub_pixel`` is a 1 x 1 convolution and a pixel shuffle, which is the same map (but for a bias
  for each sub-pixel) with the four sub-pixels' weights starting equal (ICNR); ``resize`` is a
  1 x 1 convolution and a nearest-neighbour resize, before the 3 x 3 convolutions of the level;
- any number of bands, levels and convolutions; normalisation is optional, and off by default:
  group and instance normalisation make a pixel depend on the whole image, and batch statistics
  are not meaningfully averaged between differently trained copies.

Widths of 64, 128, 256, 512, 1024 are the paper's network. With 4 bands and batch normalisation
(and thus no biases before it) it has 31,041,284 parameters: the 31,038,404 of the usual
transposed form, and 3 x 960 biases of sub-pixels. Without normalisation there are 31,035,396.
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from sen2naip_sr.models.blocks import GlobalResidualNetwork, icnr_, zeroed
from sen2naip_sr.models.spec import ModelSpec
from sen2naip_sr.parameters import Parameters

Normalisation = Literal["none", "batch", "group", "instance"]
Upsampling = Literal["resize", "sub_pixel"]
MOST_GROUPS = 8


DEEPEST = 10
"""Levels: the coarsest of ten sees 512 x 512 pixels as one."""


class UNetParameters(Parameters):
    """Size and layers of `UNet`."""

    widths: list[PositiveInt] = Field(default=[32, 64, 128], min_length=1, max_length=DEEPEST)
    """Feature maps of every level, from the finest to the coarsest."""
    convolutions: int = Field(default=2, ge=1, le=64)
    """3 x 3 convolutions of a level, on the way down and again on the way up."""
    normalisation: Normalisation = "none"
    """What follows each convolution; group: 8 groups or fewer. Group and instance make a
    result depend on the whole image, so that tiled prediction is not exact."""
    upsampling: Upsampling = "sub_pixel"
    """How features get to the next finer level."""


class UNet(GlobalResidualNetwork):
    """U-Net that corrects the bicubic upscaling by 2x; `UNetParameters` describes the arguments.

    Attributes:
        receptive_field: Of the worst position on the pooling grid. None with group or instance
            normalisation. With batch normalisation it holds in eval mode only: in training mode,
            every pixel depends on the whole batch.
    """

    def __init__(
        self,
        bands: int,
        widths: Sequence[int],
        convolutions: int,
        normalisation: Normalisation,
        upsampling: Upsampling,
    ) -> None:
        super().__init__(bands)
        depth = len(widths) - 1
        self.pooling_grid = 2**depth
        self.multiple = max(1, self.pooling_grid // 2)
        whole = normalisation in ("group", "instance")
        reaches = (_reach(pixel, depth, convolutions) for pixel in range(2 ** max(depth, 1)))
        self.receptive_field = None if whole else max(reaches)

        def level(channels: int, width: int) -> nn.Sequential:
            return _level(channels, width, convolutions, normalisation)

        finer = list(widths[:-1])
        self.encoder = nn.ModuleList(map(level, [bands, *finer], finer))
        self.bottom = level(widths[-2] if finer else bands, widths[-1])
        upsampler = _SubPixel if upsampling == "sub_pixel" else _Resize
        steps = list(zip(widths[1:], finer, strict=True))[::-1]
        self.upsamplers = nn.ModuleList(upsampler(coarse, fine) for coarse, fine in steps)
        self.decoder = nn.ModuleList(level(2 * fine, fine) for _, fine in steps)
        self.exit = zeroed(nn.Conv2d(widths[0], bands, 1))

    def correction(self, image: Tensor, upscaled: Tensor) -> Tensor:
        """Return the correction of the bicubic upscaling, from that upscaling."""
        height, width = upscaled.shape[-2:]
        features = _padded(upscaled - 0.5, self.pooling_grid)
        skips = []
        for level in self.encoder:
            skips.append(level(features))
            features = F.max_pool2d(skips[-1], 2)
        features = self.bottom(features)
        for upsample, level, skip in zip(
            self.upsamplers, self.decoder, reversed(skips), strict=True
        ):
            features = level(torch.cat((skip, upsample(features)), dim=1))
        return self.exit(features)[..., :height, :width]


class _SubPixel(nn.Module):
    """1 x 1 convolution and pixel shuffle."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.convolution = _he_normal(nn.Conv2d(channels, 4 * width, 1))
        icnr_(self.convolution, scale=2)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, h, w) to (B, width, 2h, 2w)."""
        return F.pixel_shuffle(self.convolution(features), 2)


class _Resize(nn.Module):
    """1 x 1 convolution and nearest-neighbour resize; the other order would only cost more."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.convolution = _he_normal(nn.Conv2d(channels, width, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, h, w) to (B, width, 2h, 2w)."""
        return F.interpolate(self.convolution(features), scale_factor=2, mode="nearest")


def _level(
    channels: int, width: int, convolutions: int, normalisation: Normalisation
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number in range(convolutions):
        inputs = width if number else channels
        convolution = nn.Conv2d(inputs, width, 3, padding=1, bias=normalisation == "none")
        layers += [_he_normal(convolution), *_normalised(width, normalisation), nn.ReLU(True)]
    return nn.Sequential(*layers)


def _normalised(width: int, normalisation: Normalisation) -> list[nn.Module]:
    if normalisation == "batch":
        return [nn.BatchNorm2d(width)]
    if normalisation == "group":
        return [nn.GroupNorm(math.gcd(MOST_GROUPS, width), width)]
    if normalisation == "instance":
        return [nn.InstanceNorm2d(width, affine=True)]
    return []


def _he_normal(convolution: nn.Conv2d) -> nn.Conv2d:
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    return convolution


def _padded(features: Tensor, grid: int) -> Tensor:
    """Extend the right and the bottom by their last pixels to a multiple of ``grid``."""
    # at least twice the grid: a coarsest level of one pixel has no variance to normalise by
    missing = [max(2 * grid, math.ceil(size / grid) * grid) - size for size in features.shape[-2:]]
    if not any(missing):
        return features
    return F.pad(features, (0, missing[1], 0, missing[0]), mode="replicate")


def _reach(pixel: int, depth: int, convolutions: int) -> int:
    """Follow a high-resolution pixel through the coarsest level back to low-resolution pixels."""
    first = last = pixel
    for _ in range(depth):
        first, last = (first - convolutions) // 2, (last + convolutions) // 2
    first, last = first - convolutions, last + convolutions
    for _ in range(depth):
        first, last = 2 * first - convolutions, 2 * last + 1 + convolutions
    # bicubic takes two pixels on either side of a point a quarter pixel off a pixel's centre
    return max(pixel // 2 - (first - 3) // 2, (last + 3) // 2 - pixel // 2)


SPEC = ModelSpec("U-Net", UNet, UNetParameters)
