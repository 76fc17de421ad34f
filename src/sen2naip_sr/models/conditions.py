"""What a network can be told about an image: its noise, its blur and its compression.

Zhang, Zuo and Zhang 2018, "Learning a Single Convolutional Super-Resolution Network for Multiple
Degradations", https://arxiv.org/abs/1712.06116 (SRMD), give such numbers to a network as constant
planes. Here they scale and shift the feature maps (feature-wise linear modulation, Perez et al.
2018, https://arxiv.org/abs/1709.07871). For one image the scales and shifts are constants, so they
are folded into the convolutions: a network told anything costs what a plain one costs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sen2naip_sr.errors import UserError

RECIPE_BLUR = 0.3823
"""Blur of antialiased bicubic downscaling by two, in LR pixels: see `equivalent_width`."""

_NOISE_SCALE, _NOISE_UNIT = 4.0, 4.0 * 255.0
_BLUR_UNIT = 2.0
_COMPRESSION_SCALE, _COMPRESSION_UNIT = 3.0, 10.0


def equivalent_width(modulation: float) -> float:
    """Return the width of the Gaussian with a given modulation transfer at the Nyquist frequency.

    Args:
        modulation: Of the point spread function at 0.5 cycles a pixel, above 0 and below 1.

    Returns:
        Standard deviation in pixels.
    """
    return math.sqrt(-2 * math.log(modulation)) / math.pi


@dataclass(frozen=True)
class Conditions:
    """What is known about a low-resolution image. None: not known.

    Attributes:
        noise: Standard deviation of the noise of each band, as a share of the value range.
        blur: `equivalent_width` of the point spread function of each band, down the columns and
            along the rows, in pixels of the image. It includes the downscaling.
        compression: JPEG's scale of the quantisation table: 0 for none, 0.1 for quality 95, 0.2
            for 90, 0.5 for 75.
    """

    noise: tuple[float, ...] | None
    blur: tuple[tuple[float, float], ...] | None
    compression: float | None

    @classmethod
    def of_recipe(cls, bands: int) -> "Conditions":
        """Return those of a clean image made by antialiased bicubic downscaling."""
        return cls((0.0,) * bands, ((RECIPE_BLUR, RECIPE_BLUR),) * bands, 0.0)

    @classmethod
    def unknown(cls) -> "Conditions":
        """Return conditions of which nothing is known."""
        return cls(None, None, None)

    def encode(self, bands: int) -> Tensor:
        """Return the numbers that a network takes.

        Args:
            bands: Image bands.

        Returns:
            (`encoded_size`,), float32: noise, vertical and horizontal blur of each band,
            compression, and which of the three is known. What is unknown is zero.

        Raises:
            UserError: If there are conditions for another number of bands.
        """
        for what, values in (("noise", self.noise), ("blur", self.blur)):
            if values is not None and len(values) != bands:
                raise UserError(
                    "conditions-differ",
                    f"{what} of {len(values)} bands for an image with {bands}",
                    "give one value for each band",
                )
        blur: Sequence[tuple[float, float]] = self.blur or ((RECIPE_BLUR, RECIPE_BLUR),) * bands
        return torch.tensor(
            [
                *(_of_noise(value) for value in self.noise or (0.0,) * bands),
                *(_of_blur(vertical) for vertical, _ in blur),
                *(_of_blur(horizontal) for _, horizontal in blur),
                _of_compression(self.compression or 0.0),
                *(float(known is not None) for known in (self.noise, self.blur, self.compression)),
            ]
        )


def encoded_size(bands: int) -> int:
    """Return how many numbers `Conditions.encode` makes for images with so many bands."""
    return 3 * bands + 4


def _of_noise(share: float) -> float:
    return math.log2(1 + share * _NOISE_UNIT) / _NOISE_SCALE


def _of_blur(width: float) -> float:
    return (width - RECIPE_BLUR) * _BLUR_UNIT


def _of_compression(scale: float) -> float:
    return math.log2(1 + scale * _COMPRESSION_UNIT) / _COMPRESSION_SCALE
