"""Multi-scale structural similarity as a loss: the index that evaluation reports.

Zhao et al. 2017, "Loss Functions for Image Restoration with Neural Networks",
https://arxiv.org/abs/1511.08861.
"""

from torch import Tensor, stack
from torch.nn.functional import avg_pool2d

from sen2naip_sr.metrics.ms_ssim import MS_SSIM_WEIGHTS
from sen2naip_sr.metrics.ssim import SSIM_WINDOW, ssim_terms
from sen2naip_sr.training.losses import pairwise
from sen2naip_sr.training.losses.ssim import refuse_small

SMALLEST_FACTOR = 1e-3
"""Factors of MS-SSIM are raised to this: their roots have no finite gradient at 0."""


def ms_ssim_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return 1 - MS-SSIM, in [0, 1], over as many of its five scales as fit into the images.

    The weights of these scales are divided by their sum. From 176 pixels a side the index is that
    of `sen2naip_sr.metrics.full_reference.score`, except for factors below `SMALLEST_FACTOR`,
    which belong to images with next to no common structure. The images are (B, C, H, W), float, in
    [0, 1].

    Raises:
        UserError: If the images are smaller than the window of the finest scale.
    """
    refuse_small(truth)
    x, y = prediction.flatten(0, 1), truth.flatten(0, 1)
    terms: list[tuple[Tensor, Tensor]] = []
    while len(terms) < len(MS_SSIM_WEIGHTS) and min(y.shape[-2:]) >= SSIM_WINDOW:
        terms.append(ssim_terms(x, y, data_range=1.0))
        x, y = avg_pool2d(x, 2), avg_pool2d(y, 2)
    factors = stack([*(contrast for _, contrast in terms[:-1]), terms[-1][0]])
    weights = factors.new_tensor(MS_SSIM_WEIGHTS[: len(terms)]).unsqueeze(1)
    index = (factors.clamp(min=SMALLEST_FACTOR) ** (weights / weights.sum())).prod(dim=0)
    return 1 - index.mean()


build = pairwise(ms_ssim_loss)
