"""An L1 loss that is smooth at 0.

Lai et al. 2017, "Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution",
https://arxiv.org/abs/1704.03915.
"""

from torch import Tensor

from sen2naip_sr.training.losses import pairwise

CHARBONNIER_EPSILON = 1e-3


def charbonnier_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean of ``sqrt(d^2 + epsilon^2)`` over all differences ``d``; epsilon is 0.001.

    The images are (B, C, H, W), float, in [0, 1].
    """
    return ((prediction - truth).square() + CHARBONNIER_EPSILON**2).sqrt().mean()


build = pairwise(charbonnier_loss)
