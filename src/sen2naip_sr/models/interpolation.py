"""Interpolations by a factor of two as networks without weights: the baselines.

Pixels are aligned by their centres: output pixels ``2i`` and ``2i + 1`` lie a quarter of an input
pixel before and behind the centre of input pixel ``i``, so the bounds of the image stay the same.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

LANCZOS_LOBES = 3


def upscale_bicubic(x: Tensor) -> Tensor:
    """Enlarge images twofold with the cubic kernel of a = -0.75, replicating the border.

    This is the bicubic of torch and OpenCV. It is sharper than a = -0.5, which Keys 1981 derives
    (doi:10.1109/TASSP.1981.1163711).

    Args:
        x: (B, C, h, w), floating point of any range.

    Returns:
        (B, C, 2h, 2w) in the dtype of ``x``; half precision is computed in float32. Not clipped:
        next to edges, values exceed the range of the input.
    """
    return _enlarge(x, "bicubic")


class Interpolation(nn.Module):
    """An interpolation in the form of a network: (B, C, h, w) to (B, C, 2h, 2w), any C, h, w.

    Inputs are floating point of any range, outputs have the same dtype and are not clipped.

    - ``nearest``, ``bilinear``;
    - ``bicubic``: `upscale_bicubic`, a = -0.75;
    - ``bicubic_pil``: a = -0.5, the kernel and border of Pillow: weights outside of the image
      are dropped and the rest scaled to sum to one;
    - ``lanczos``: the sinc windowed by three lobes (Duchon 1979), weights scaled to sum to one;
      as in Pillow, but with a replicated border.

    Args:
        method: One of `INTERPOLATIONS`.

    Attributes:
        receptive_field: Input pixels needed on each side of a pixel for its two by two output.
        multiple: What input sizes must be a multiple of.

    Raises:
        ValueError: If there is no such method.
    """

    multiple = 1

    def __init__(self, method: str) -> None:
        super().__init__()
        if method not in _METHODS:
            raise ValueError(
                f"unknown interpolation '{method}': valid are {', '.join(INTERPOLATIONS)}"
            )
        self.method = method
        self._upscale, self.receptive_field = _METHODS[method]

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge (B, C, h, w) to (B, C, 2h, 2w)."""
        return self._upscale(x)

    def extra_repr(self) -> str:
        """Return the method, for the module's printed form."""
        return f"method='{self.method}'"


def _enlarge(x: Tensor, mode: str, antialias: bool = False) -> Tensor:
    align_corners = None if mode == "nearest" else False
    # torch takes nearly twice as long for channels last
    enlarged = interpolate(
        _computable(x).contiguous(),
        scale_factor=2,
        mode=mode,
        align_corners=align_corners,
        antialias=antialias,
    )
    return enlarged.to(x.dtype)


def _lanczos(x: Tensor) -> Tensor:
    images = pad(_computable(x), 4 * (LANCZOS_LOBES,), mode="replicate")
    for axis in (2, 3):
        size = images.shape[axis] - 2 * LANCZOS_LOBES
        shifted = [images.narrow(axis, k, size) for k in range(2 * LANCZOS_LOBES + 1)]
        before = _weighted_sum(shifted[:-1], _LANCZOS)
        behind = _weighted_sum(shifted[1:], _LANCZOS[::-1])
        images = torch.stack((before, behind), dim=axis + 1).flatten(axis, axis + 1)
    return images.to(x.dtype)


def _weighted_sum(images: list[Tensor], weights: list[float]) -> Tensor:
    # sums, not a convolution: autocast would compute that in half precision
    weighted = (weight * image for weight, image in zip(weights, images, strict=True))
    return sum(weighted, start=torch.zeros_like(images[0]))


def _lanczos_weights() -> list[float]:
    """Return the weights of six pixels for a point a quarter pixel before the fourth one."""
    distances = [k + 0.25 for k in range(-LANCZOS_LOBES, LANCZOS_LOBES)]
    weights = [_sinc(d) * _sinc(d / LANCZOS_LOBES) for d in distances]
    return [weight / sum(weights) for weight in weights]


def _sinc(x: float) -> float:
    return math.sin(math.pi * x) / (math.pi * x)


def _computable(x: Tensor) -> Tensor:
    """Return half precision as float32: some interpolations do not take it or are inexact in it."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


_LANCZOS = _lanczos_weights()

_METHODS: dict[str, tuple[Callable[[Tensor], Tensor], int]] = {
    "nearest": (partial(_enlarge, mode="nearest"), 0),
    "bilinear": (partial(_enlarge, mode="bilinear"), 1),
    "bicubic": (upscale_bicubic, 2),
    # antialiasing does nothing when enlarging, but it selects Pillow's kernel
    "bicubic_pil": (partial(_enlarge, mode="bicubic", antialias=True), 2),
    "lanczos": (_lanczos, LANCZOS_LOBES),
}

INTERPOLATIONS: tuple[str, ...] = tuple(_METHODS)
"""The names of the interpolations."""
