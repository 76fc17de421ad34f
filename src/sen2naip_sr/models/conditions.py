"""What a network can be told about an image: its noise, its blur and its compression.

Zhang, Zuo and Zhang 2018, "Learning a Single Convolutional Super-Resolution Network for Multiple
Degradations", https://arxiv.org/abs/1712.06116 (SRMD), give such numbers to a network as constant
planes. Here they scale and shift the feature maps (feature-wise linear modulation, Perez et al.
2018, https://arxiv.org/abs/1709.07871). For one image the scales and shifts are constants, so they
are folded into the convolutions: a network told anything costs what a plain one costs.
"""

import math
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
        blur = self.blur or ((RECIPE_BLUR, RECIPE_BLUR),) * bands

        def batch_of_one(value: object) -> Tensor:
            return torch.tensor([value], dtype=torch.float64)

        return BatchConditions(
            noise=batch_of_one(self.noise or (0.0,) * bands),
            vertical=batch_of_one([vertical for vertical, _ in blur]),
            horizontal=batch_of_one([horizontal for _, horizontal in blur]),
            compression=batch_of_one(self.compression or 0.0),
            noise_known=batch_of_one(self.noise is not None),
            blur_known=batch_of_one(self.blur is not None),
            compression_known=batch_of_one(self.compression is not None),
        ).encode()[0]


@dataclass(frozen=True)
class BatchConditions:
    """Conditions of a batch of images, as tensors on one device.

    Attributes:
        noise: (B, C), as `Conditions.noise`.
        vertical: (B, C), blur down the columns.
        horizontal: (B, C), blur along the rows.
        compression: (B,), as `Conditions.compression`.
        noise_known: (B,), whether the noise is known: boolean, or 1 and 0.
        blur_known: (B,), whether the blur is known.
        compression_known: (B,), whether the compression is known.
    """

    noise: Tensor
    vertical: Tensor
    horizontal: Tensor
    compression: Tensor
    noise_known: Tensor
    blur_known: Tensor
    compression_known: Tensor

    def each(self) -> list[Conditions]:
        """Return the conditions of each image."""
        blur = torch.stack((self.vertical, self.horizontal), -1).tolist()
        known = zip(
            self.noise_known.tolist(),
            self.blur_known.tolist(),
            self.compression_known.tolist(),
            strict=True,
        )
        return [
            Conditions(
                tuple(noise) if noise_known else None,
                tuple((vertical, horizontal) for vertical, horizontal in widths)
                if blur_known
                else None,
                compression if compression_known else None,
            )
            for noise, widths, compression, (noise_known, blur_known, compression_known) in zip(
                self.noise.tolist(), blur, self.compression.tolist(), known, strict=True
            )
        ]

    def encode(self) -> Tensor:
        """Return (B, `encoded_size`), float32: `Conditions.encode` of each image."""
        noise = torch.log2(1 + self.noise * _NOISE_UNIT) / _NOISE_SCALE
        compression = torch.log2(1 + self.compression * _COMPRESSION_UNIT) / _COMPRESSION_SCALE
        known = torch.stack((self.noise_known, self.blur_known, self.compression_known), 1)
        # of what is unknown, the values do not matter
        of_noise, of_blur, of_compression = known.bool().unbind(1)
        columns = (
            torch.where(of_noise[:, None], noise, 0.0),
            torch.where(of_blur[:, None], (self.vertical - RECIPE_BLUR) * _BLUR_UNIT, 0.0),
            torch.where(of_blur[:, None], (self.horizontal - RECIPE_BLUR) * _BLUR_UNIT, 0.0),
            torch.where(of_compression, compression, 0.0)[:, None],
            known,
        )
        return torch.cat([column.float() for column in columns], 1)


def encoded_size(bands: int) -> int:
    """Return how many numbers `Conditions.encode` makes for images with so many bands."""
    return 3 * bands + 4
