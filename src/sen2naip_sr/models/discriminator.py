"""Discriminators: networks that score how real an image looks, at each pixel or patch.

Wang et al. 2021, "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic
Data", https://arxiv.org/abs/2107.10833 (the U-Net with spectral normalisation), and Isola et al.
2017, "Image-to-Image Translation with Conditional Adversarial Networks",
https://arxiv.org/abs/1611.07004 (the patch discriminator). Spectral normalisation is that of
Miyato et al. 2018, https://arxiv.org/abs/1802.05957.

What differs from the papers:

- fewer channels, so that a CPU can train them;
- the U-Net takes any height and width: it pads to a multiple of 8 and crops its scores;
- the patch discriminator has no batch normalisation, since a gradient penalty needs scores that
  do not depend on the rest of the batch; it does not see the low-resolution image;
- normalised weights are computed in float32, whatever the precision of the convolutions.
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from sen2naip_sr.errors import UserError

DiscriminatorName = Literal["unet", "patch"]

_SLOPE = 0.2
_LARGEST_WIDENING = 8
_UNET_STAGES = 3


class _Convolution(nn.Conv2d):
    """A convolution whose weight is computed outside autocast.

    Otherwise the power iteration of spectral normalisation would run in half precision and find a
    singular value of two or three digits.
    """

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            weight = self.weight
        return F.conv2d(features, weight, self.bias, self.stride, self.padding)


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int, spectral_norm: bool
) -> nn.Module:
    convolution = _Convolution(inputs, outputs, kernel, stride, padding=1)
    return parametrizations.spectral_norm(convolution) if spectral_norm else convolution


class UNetDiscriminator(nn.Module):
    """U-Net with a score for every pixel.

    Args:
        bands: Image bands.
        channels: Feature maps at full resolution; they double at each of three halvings.
        spectral_norm: Normalise all convolutions but the first and the last.
    """

    def __init__(self, bands: int, channels: int = 32, spectral_norm: bool = True) -> None:
        super().__init__()
        self.multiple = 2**_UNET_STAGES
        widths = [channels * 2**stage for stage in range(_UNET_STAGES + 1)]
        pairs = list(pairwise(widths))
        self.entry = _convolution(bands, channels, 3, 1, False)
        self.downs = nn.ModuleList(
            _convolution(narrow, wide, 4, 2, spectral_norm) for narrow, wide in pairs
        )
        self.ups = nn.ModuleList(
            _convolution(wide, narrow, 3, 1, spectral_norm) for narrow, wide in reversed(pairs)
        )
        self.refinements = nn.ModuleList(
            _convolution(channels, channels, 3, 1, spectral_norm) for _ in range(2)
        )
        self.exit = _convolution(channels, 1, 3, 1, False)

    def forward(self, image: Tensor) -> Tensor:
        """Score images (B, bands, H, W), float, in [0, 1], of any H and W.

        Returns:
            (B, 1, H, W), unbounded; the higher, the more real.
        """
        height, width = image.shape[-2:]
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        features = F.leaky_relu(self.entry(F.pad(image, padding, mode="replicate")), _SLOPE)
        skips = []
        for down in self.downs:
            skips.append(features)
            features = F.leaky_relu(down(features), _SLOPE)
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            larger = F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
            features = F.leaky_relu(up(larger), _SLOPE) + skip
        for refinement in self.refinements:
            features = F.leaky_relu(refinement(features), _SLOPE)
        return self.exit(features)[..., :height, :width]


class PatchDiscriminator(nn.Module):
    """Strided convolutions with a score for every patch.

    Args:
        bands: Image bands.
        channels: Feature maps of the first layer; they double at each layer, up to 8 times.
        layers: Halvings of the image, at least 1. A score sees 16, 34 or 70 pixels a side with 1,
            2 or 3 of them.
        spectral_norm: Normalise all convolutions but the first and the last.
    """

    def __init__(
        self, bands: int, channels: int = 32, layers: int = 2, spectral_norm: bool = True
    ) -> None:
        super().__init__()
        self.smallest = 3 * 2**layers
        widths = [channels * min(2**layer, _LARGEST_WIDENING) for layer in range(layers + 1)]
        self.entry = _convolution(bands, channels, 4, 2, False)
        self.body = nn.ModuleList(
            _convolution(inputs, outputs, 4, 1 if layer == layers else 2, spectral_norm)
            for layer, (inputs, outputs) in enumerate(pairwise(widths), start=1)
        )
        self.exit = _convolution(widths[-1], 1, 4, 1, False)

    def forward(self, image: Tensor) -> Tensor:
        """Score the patches of images.

        Args:
            image: (B, bands, H, W), float, values in [0, 1]; H and W at least 3 * 2 ** layers.

        Returns:
            (B, 1, H / 2 ** layers - 2, W / 2 ** layers - 2), the quotients rounded down;
            unbounded; the higher, the more real.

        Raises:
            UserError: If the images are too small for one score.
        """
        height, width = image.shape[-2:]
        if min(height, width) < self.smallest:
            raise UserError(
                "crop-too-small",
                f"the patch discriminator cannot score crops of {height} x {width} pixels",
                f"give it crops of at least {self.smallest} pixels a side, or use the unet one",
            )
        features = F.leaky_relu(self.entry(image), _SLOPE)
        for convolution in self.body:
            features = F.leaky_relu(convolution(features), _SLOPE)
        return self.exit(features)


def build_discriminator(
    kind: DiscriminatorName, bands: int, channels: int, spectral_norm: bool
) -> nn.Module:
    """Build an untrained discriminator, with weights from torch's global random generator.

    ``unet`` scores each pixel, ``patch`` each patch of 34 x 34 pixels. Spectral normalisation
    bounds the gain of each layer to 1; with a gradient penalty it is not needed.
    """
    kinds = {"unet": UNetDiscriminator, "patch": PatchDiscriminator}
    return kinds[kind](bands, channels, spectral_norm=spectral_norm)
