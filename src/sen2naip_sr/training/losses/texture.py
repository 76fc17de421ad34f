"""Losses that look at edges and frequencies, and not at single values."""

import torch
from torch import Tensor
from torch.nn import functional as F


def fourier_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean absolute difference of the Fourier coefficients of each band.

    Real and imaginary parts of the orthonormal transform count alike, so that amplitude and phase
    both matter and no gradient is undefined where an amplitude is 0. Orthonormal: the scale does
    not depend on the image's size. Cho et al. 2021, "Rethinking Coarse-to-Fine Approach in Single
    Image Deblurring", https://arxiv.org/abs/2108.05054 (there at several scales).

    Args:
        prediction: (B, C, H, W), float, in [0, 1].
        truth: The same shape and range.

    Returns:
        A scalar.
    """
    difference = torch.fft.rfft2(prediction - truth, norm="ortho")
    return torch.view_as_real(difference).abs().mean()


def gradient_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean absolute difference of the images' gradients.

    Gradients are differences of neighbouring pixels, across and down. The gradient difference
    loss of Mathieu, Couprie and LeCun 2016, https://arxiv.org/abs/1511.05440, with alpha = 1, but
    with signs: an edge that runs the wrong way is an error too.

    Args:
        prediction: (B, C, H, W), float, in [0, 1], H and W of 2 or more.
        truth: The same shape and range.

    Returns:
        A scalar.
    """
    return sum(
        (F.l1_loss(prediction.diff(dim=axis), truth.diff(dim=axis)) for axis in (-1, -2)),
        start=prediction.new_zeros(()),
    )
