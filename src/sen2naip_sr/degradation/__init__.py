"""Named recipes that downsample a high-resolution (HR) image to a low-resolution (LR) one.

Every weights file and every table holds the recipe's id: whoever changes what a recipe computes
raises its version.

torch is imported inside the functions: the recipe's id alone decides whether LR is stale.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import describe_unknown

if TYPE_CHECKING:
    from torch import Tensor

SCALE = 2


@dataclass(frozen=True)
class Recipe:
    """A way to make LR from HR.

    Attributes:
        name: The recipe's name in the parameters.
        version: Raised whenever the result changes.
        summary: Short description for tables and documentation.
        downscale: Maps (B, C, 2h, 2w) to (B, C, h, w), any float dtype, not rounded. The second
            argument seeds the noise of the first image, the following integers that of the
            following images, so an image does not depend on the rest of the batch. None: without
            noise, which leaves the linear part of the recipe.
        reach: How far beyond its own 2 x 2 HR pixels an LR pixel depends on others, in HR pixels.
    """

    name: str
    version: int
    summary: str
    downscale: "Callable[[Tensor, int | None], Tensor]"
    reach: int

    @property
    def id(self) -> str:
        """Name and version, as they are stored with weights and results."""
        return f"{self.name}@{self.version}"


def _bicubic(antialias: bool) -> "Callable[[Tensor, int | None], Tensor]":
    def downscale(hr: "Tensor", seed: int | None) -> "Tensor":
        from torch.nn import functional as F

        return F.interpolate(
            hr, scale_factor=1 / SCALE, mode="bicubic", antialias=antialias, align_corners=False
        )

    return downscale


def _area(hr: "Tensor", seed: int | None) -> "Tensor":
    from torch.nn import functional as F

    return F.avg_pool2d(hr, SCALE)


BLUR_SIGMA = 0.8
NOISE_SHARE = 0.006


def _blur_noise(hr: "Tensor", seed: int | None) -> "Tensor":
    """Gaussian point-spread function (sigma in HR pixels), area mean, signal-dependent noise."""
    import torch
    from torch.nn import functional as F

    offsets = torch.arange(-3, 4, dtype=hr.dtype, device=hr.device)
    kernel = torch.exp(-0.5 * (offsets / BLUR_SIGMA) ** 2)
    kernel = (kernel / kernel.sum()).expand(hr.shape[1], 1, 1, -1)
    bands = hr.shape[1]
    blurred = F.conv2d(F.pad(hr, (3, 3, 3, 3), mode="reflect"), kernel, groups=bands)
    blurred = F.conv2d(blurred, kernel.transpose(2, 3), groups=bands)
    lr = _area(blurred, seed)
    if seed is None:
        return lr
    noise = torch.stack(
        [
            torch.randn(lr.shape[1:], generator=torch.Generator().manual_seed(seed + image))
            for image in range(len(lr))
        ]
    ).to(lr)
    # shot noise grows with the root of the signal; its size follows each chip's brightest value
    peak = lr.amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)
    return lr + noise * NOISE_SHARE * (lr.clamp(min=0) * peak).sqrt()


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("bicubic_antialiased", 1, "bicubic with an antialiasing filter", _bicubic(True), 3),
        Recipe("area", 1, "mean of 2 x 2 pixels", _area, 0),
        Recipe("bicubic_aliased", 1, "bicubic without antialiasing", _bicubic(False), 1),
        Recipe("blur_noise", 1, "Gaussian blur, mean of 2 x 2 pixels, shot noise", _blur_noise, 3),
    )
}


def get_recipe(name: str) -> Recipe:
    """Return the recipe called ``name``.

    Raises:
        UserError: If there is none; the message suggests the nearest name.
    """
    if name not in RECIPES:
        raise UserError(
            "unknown-recipe",
            describe_unknown("downscaling recipe", name, list(RECIPES)),
            "choose one of the valid names",
        )
    return RECIPES[name]


def quantise(values: "Tensor", dtype: np.dtype[Any]) -> "Tensor":
    """Clip and round digital numbers, a float tensor of any shape, to the values of ``dtype``.

    The result stays a float tensor, whose values ``dtype`` represents exactly. Nothing happens
    to the numbers if ``dtype`` is a float itself.
    """
    if not np.issubdtype(dtype, np.integer):
        return values
    limits = np.iinfo(dtype)
    # float32 has 24 bits: the largest 32-bit integer itself would be rounded up and overflow
    largest = limits.max - limits.max // 2**23
    return values.round().clamp(limits.min, largest)
