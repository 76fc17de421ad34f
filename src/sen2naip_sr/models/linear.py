"""The linear filter by a factor of two: what a method without a network can reach.

Every pixel of the result is a weighted sum of the 9 x 9 pixels around it, of its own band. There is
one filter for each band and each of the four pixels that a pixel becomes. A filter's weights sum to
one, so even ground and the scale of the values stay as they are. Filters over all bands are no
better: docs/models.md.

The model `linear` has one filter for all bands, which comes with the project: it inverts the
benchmark's downscaling. It is the mean over the turns and mirrors of a square, so there is no
preferred direction.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sen2naip_sr.arrays import Array
from sen2naip_sr.models.blocks import require_bands

REACH = 4
"""Input pixels to each side."""
SIDE = 2 * REACH + 1
SCALE = 2
PHASES = SCALE**2
"""Pixels of the result that a pixel becomes: first and second row, each from left to right."""
SHIPPED = Path(__file__).parent / "linear.json"
"""The shipped filter of the first phase, made by `sen2naip_sr.release.linear`."""
_CENTRE = SIDE**2 // 2
_NEGLIGIBLE = 1e-10
"""Directions of the neighbourhoods with a smaller share of the largest one's variance are noise."""


class LinearFilter(nn.Module):
    """A filter in the form of a network: (B, C, h, w) to (B, C, 2h, 2w), any h and w.

    Inputs are floating point of any range, with a replicated border; outputs are not clipped.

    Args:
        kernels: (C, `PHASES`, `SIDE`, `SIDE`), the weights of each band and phase.

    Attributes:
        receptive_field: Input pixels needed on each side of a pixel for its two by two output.
        multiple: What input sizes must be a multiple of.
    """

    receptive_field = REACH
    multiple = 1
    kernels: Tensor

    def __init__(self, kernels: Array) -> None:
        super().__init__()
        self.register_buffer("kernels", torch.from_numpy(kernels).float())

    def forward(self, image: Tensor) -> Tensor:
        """Upscale images.

        Raises:
            UserError: If the images have other bands than the filter.
        """
        bands = len(self.kernels)
        require_bands(bands, image.shape[1])
        around = F.pad(image.to(self.kernels), 4 * (REACH,), mode="replicate")
        phases = F.conv2d(around, self.kernels.flatten(0, 1)[:, None], groups=bands)
        return F.pixel_shuffle(phases, SCALE).to(image.dtype)


def shipped_filter(bands: int) -> LinearFilter:
    """Return the filter that comes with the project, the same for every band."""
    kernels = turned(np.array(json.loads(SHIPPED.read_text())))
    return LinearFilter(np.tile(kernels, (bands, 1, 1, 1)))


def turned(kernel: Array) -> Array:
    """Return the kernels of all phases, (1, `PHASES`, `SIDE`, `SIDE`), from that of the first."""
    axes: tuple[tuple[int, ...], ...] = ((), (1,), (0,), (0, 1))
    return np.stack([np.flip(kernel, mirrored) for mirrored in axes])[None]


def first_phase(filters: LinearFilter) -> Array:
    """Return the mean kernel of all bands and phases, turned to the first phase.

    Returns:
        (`SIDE`, `SIDE`), float64, equal to its transpose.
    """
    kernels = filters.kernels.numpy().astype(np.float64).mean(0)
    mean = np.mean([turned(kernel)[0, phase] for phase, kernel in enumerate(kernels)], axis=0)
    return (mean + mean.T) / 2


class LinearFit:
    """The least-squares fit of a `LinearFilter`, from pairs of images that are added one by one.

    It holds the normal equations, not the images. Neighbourhoods and truth are taken as differences
    to the pixel in the middle, which makes the weights sum to one.

    Args:
        bands: Image bands.
    """

    def __init__(self, bands: int) -> None:
        unknowns = SIDE**2 - 1
        self._gram = np.zeros((bands, unknowns, unknowns))
        self._moments = np.zeros((bands, unknowns, PHASES))

    def add(self, small: Array, large: Array, step: int = 1) -> None:
        """Add an image to the sums.

        Args:
            small: LR (C, h, w) of any real dtype, without missing values.
            large: The truth (C, 2h, 2w), in the same unit.
            step: Take every so many pixels of LR on each axis, from the first one whose
                neighbourhood lies inside.
        """
        if min(small.shape[1:]) < SIDE:
            return
        inputs, targets = differences(small, large, step)
        turned = inputs.transpose(0, 2, 1)
        self._gram += turned @ inputs
        self._moments += turned @ targets

    def solve(self) -> LinearFilter:
        """Return the filter; pixels are repeated where nothing, or too little, was added."""
        inverse = np.linalg.pinv(self._gram, rcond=_NEGLIGIBLE, hermitian=True)
        weights = (inverse @ self._moments).transpose(0, 2, 1)
        centre = 1 - weights.sum(-1, keepdims=True)
        kernels = np.concatenate((weights[..., :_CENTRE], centre, weights[..., _CENTRE:]), -1)
        return LinearFilter(kernels.reshape(len(kernels), PHASES, SIDE, SIDE))


def differences(small: Array, large: Array, step: int = 1) -> tuple[Array, Array]:
    """Return what is fitted: neighbourhoods and truth, as differences to the pixel in the middle.

    The arguments are those of `LinearFit.add`.

    Returns:
        Neighbourhoods (C, n, 80) without their middle, row by row, and truth (C, n, `PHASES`),
        float64, of n pixels.
    """
    values = small.astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(values, (SIDE, SIDE), (1, 2))
    around = windows[:, ::step, ::step].reshape(len(small), -1, SIDE**2)
    middle = around[..., _CENTRE, None]
    bands, height, width = small.shape
    truth = large.astype(np.float64).reshape(bands, height, SCALE, width, SCALE)
    inside = slice(REACH, -REACH)
    phases = truth.transpose(0, 1, 3, 2, 4)[:, inside, inside][:, ::step, ::step]
    targets = phases.reshape(bands, -1, PHASES)
    return np.delete(around, _CENTRE, axis=2) - middle, targets - middle
