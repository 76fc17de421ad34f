"""The difference of the gradients of prediction and truth.

Mathieu, Couprie and LeCun 2016, "Deep multi-scale video prediction beyond mean square error",
https://arxiv.org/abs/1511.05440: the gradient difference loss with alpha = 1. What differs: the
gradients keep their signs, so that an edge in the wrong direction is an error too.
"""

from torch import Tensor
from torch.nn import functional as F

from sen2naip_sr.training.losses import pairwise


def gradient_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean absolute difference of the images' gradients.

    Gradients are differences of neighbouring pixels, across and down, of images (B, C, H, W),
    float, in [0, 1], with H and W of 2 or more.
    """
    return sum(
        (F.l1_loss(prediction.diff(dim=axis), truth.diff(dim=axis)) for axis in (-1, -2)),
        start=prediction.new_zeros(()),
    )


build = pairwise(gradient_loss)
