"""The difference of prediction and truth in the frequency domain.

Cho et al. 2021, "Rethinking Coarse-to-Fine Approach in Single Image Deblurring",
https://arxiv.org/abs/2108.05054 (there at several scales).
"""

import torch
from torch import Tensor

from sen2naip_sr.training.losses import pairwise


def fourier_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean absolute difference of the Fourier coefficients of each band.

    Real and imaginary parts count alike, so that amplitude and phase both matter and no gradient
    is undefined where an amplitude is 0. The transform is orthonormal, so that the scale does not
    depend on the size of the images (B, C, H, W), float, in [0, 1].
    """
    difference = torch.fft.rfft2(prediction - truth, norm="ortho")
    return torch.view_as_real(difference).abs().mean()


build = pairwise(fourier_loss)
