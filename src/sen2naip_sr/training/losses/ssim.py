"""Structural similarity as a loss: the index that evaluation reports.

Zhao et al. 2017, "Loss Functions for Image Restoration with Neural Networks",
https://arxiv.org/abs/1511.08861.
"""

from torch import Tensor

from sen2naip_sr.errors import UserError
from sen2naip_sr.metrics.ssim import SSIM_WINDOW, ssim_terms
from sen2naip_sr.training.losses import pairwise


def ssim_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return 1 - SSIM, in [0, 2], as `sen2naip_sr.metrics.full_reference.score` defines the index.

    The images are (B, C, H, W), float, in [0, 1].

    Raises:
        UserError: If the images are smaller than the index's window.
    """
    refuse_small(truth)
    index, _ = ssim_terms(prediction.flatten(0, 1), truth.flatten(0, 1), data_range=1.0)
    return 1 - index.mean()


def refuse_small(truth: Tensor) -> None:
    """Raise a `UserError` for images that are smaller than the window of SSIM."""
    height, width = truth.shape[-2:]
    if min(height, width) < SSIM_WINDOW:
        raise UserError(
            "crop-too-small",
            f"the losses 'ssim' and 'ms_ssim' compare windows of {SSIM_WINDOW} x {SSIM_WINDOW} "
            f"pixels, and the crops are {height} x {width}",
            f"choose crops of at least {-(-SSIM_WINDOW // 2)} LR pixels a side, or leave out the "
            "loss",
        )


build = pairwise(ssim_loss)
