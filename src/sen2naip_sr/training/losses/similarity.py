"""Structural similarity as a loss: the indices are those that evaluation reports.

Zhao et al. 2017, "Loss Functions for Image Restoration with Neural Networks",
https://arxiv.org/abs/1511.08861.
"""

from torch import Tensor, stack
from torch.nn.functional import avg_pool2d

from sen2naip_sr.errors import UserError
from sen2naip_sr.metrics.full_reference import MS_SSIM_WEIGHTS, SSIM_WINDOW, ssim_terms

SMALLEST_FACTOR = 1e-3
"""Factors of MS-SSIM are raised to this: their roots have no finite gradient at 0."""


def ssim_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return 1 - SSIM, the index as `sen2naip_sr.metrics.full_reference.score` defines it.

    Args:
        prediction: (B, C, H, W), float, in [0, 1].
        truth: The same shape and range.

    Returns:
        A scalar in [0, 2].

    Raises:
        UserError: If the images are smaller than the index's window.
    """
    _refuse_small(truth)
    index, _ = ssim_terms(prediction.flatten(0, 1), truth.flatten(0, 1), data_range=1.0)
    return 1 - index.mean()


def ms_ssim_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return 1 - MS-SSIM over as many of its five scales as fit into the images.

    The weights of the scales that are used are divided by their sum. From 176 pixels a side the
    index is that of `sen2naip_sr.metrics.full_reference.score`, but for factors below
    `SMALLEST_FACTOR`, of images that have next to no structure in common.

    Args:
        prediction: (B, C, H, W), float, in [0, 1].
        truth: The same shape and range.

    Returns:
        A scalar in [0, 1].

    Raises:
        UserError: If the images are smaller than the window of the finest scale.
    """
    _refuse_small(truth)
    x, y = prediction.flatten(0, 1), truth.flatten(0, 1)
    terms: list[tuple[Tensor, Tensor]] = []
    while len(terms) < len(MS_SSIM_WEIGHTS) and min(y.shape[-2:]) >= SSIM_WINDOW:
        terms.append(ssim_terms(x, y, data_range=1.0))
        x, y = avg_pool2d(x, 2), avg_pool2d(y, 2)
    factors = stack([*(contrast for _, contrast in terms[:-1]), terms[-1][0]])
    weights = factors.new_tensor(MS_SSIM_WEIGHTS[: len(terms)]).unsqueeze(1)
    index = (factors.clamp(min=SMALLEST_FACTOR) ** (weights / weights.sum())).prod(dim=0)
    return 1 - index.mean()


def _refuse_small(truth: Tensor) -> None:
    height, width = truth.shape[-2:]
    if min(height, width) < SSIM_WINDOW:
        raise UserError(
            "crop-too-small",
            f"the losses 'ssim' and 'ms_ssim' compare windows of {SSIM_WINDOW} x {SSIM_WINDOW} "
            f"pixels, and the crops are {height} x {width}",
            f"choose crops of at least {-(-SSIM_WINDOW // 2)} LR pixels a side, or leave the "
            "loss out",
        )
