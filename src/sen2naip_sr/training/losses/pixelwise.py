"""Losses of each pixel by itself."""

import torch
from torch import Tensor
from torch.nn import functional as F

CHARBONNIER_EPSILON = 1e-3
ANGLE_EPSILON = 1e-3


def charbonnier_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean of ``sqrt(d^2 + epsilon^2)`` over all differences ``d``.

    An L1 loss that is smooth at 0, where it is ``epsilon`` = 0.001. Lai et al. 2017, "Deep
    Laplacian Pyramid Networks for Fast and Accurate Super-Resolution",
    https://arxiv.org/abs/1704.03915.

    Args:
        prediction: (B, C, H, W), float, in [0, 1].
        truth: The same shape and range.

    Returns:
        A scalar.
    """
    return ((prediction - truth).square() + CHARBONNIER_EPSILON**2).sqrt().mean()


def spectral_angle_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean angle between the spectra of the pixels, in radians.

    The spectral angle of Kruse et al. 1993, doi:10.1016/0034-4257(93)90013-N, by Kahan's formula
    ``2 atan2(|u - v|, |u + v|)`` of the unit vectors ``u`` and ``v``: unlike the arc cosine it
    has a finite gradient everywhere and keeps its digits near 0.

    Both spectra get one more band of the constant 0.001. The angle of a black pixel is defined
    then (0 to another one, near 90 degrees to any other) and its gradient bounded by 1000 divided
    by the number of pixels; angles up to 90 degrees between spectra longer than 0.25 change by at
    most 0.004.

    Args:
        prediction: (B, C, H, W), float, in [0, 1], C of 2 or more.
        truth: The same shape and range.

    Returns:
        A scalar.
    """
    unit = [
        F.normalize(F.pad(image, (0, 0, 0, 0, 0, 1), value=ANGLE_EPSILON), dim=1)
        for image in (prediction, truth)
    ]
    apart = torch.linalg.vector_norm(unit[0] - unit[1], dim=1)
    together = torch.linalg.vector_norm(unit[0] + unit[1], dim=1)
    return 2 * torch.atan2(apart, together).mean()
