"""Structural similarity: Wang et al. 2004, doi:10.1109/TIP.2003.819861, eq. 13.

The window is Gaussian, 11 x 11 pixels with sigma 1.5. Only windows that lie wholly inside the
image count, as the authors have it, so no padding enters a score; torchmetrics mirrors the border.
Below 11 pixels a side the score is NaN.
"""

import math
from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair, mean_of_valid, valid_windows

if TYPE_CHECKING:
    from torch import Tensor

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
SSIM_K1, SSIM_K2 = 0.01, 0.03


def ssim_terms(
    x: "Tensor", y: "Tensor", data_range: float, valid: "Tensor | None" = None
) -> "tuple[Tensor, Tensor]":
    """Return the means (C,) of SSIM and of its contrast-structure term over (C, H, W).

    Windows with an invalid pixel do not count.
    """
    c1, c2 = (SSIM_K1 * data_range) ** 2, (SSIM_K2 * data_range) ** 2
    mean_x, mean_y, squares, product = _gaussian_means(moments(x, y))
    means_product, means_squares = mean_x * mean_y, mean_x.square() + mean_y.square()
    contrast = (2 * (product - means_product) + c2) / (squares - means_squares + c2)
    luminance = (2 * means_product + c1) / (means_squares + c1)
    whole = valid_windows(valid, SSIM_WINDOW)
    return mean_of_valid(luminance * contrast, whole), mean_of_valid(contrast, whole)


def scale_terms(pair: Pair, scales: int) -> "list[tuple[Tensor, Tensor]]":
    """Return `ssim_terms` of a pair and of its repeated halvings.

    Args:
        pair: The images.
        scales: How many, the full size included.

    Returns:
        One item a scale; fewer where the window does not fit into the halved images.
    """
    from torch.nn.functional import avg_pool2d

    known: list[tuple[Tensor, Tensor]] = pair.memo.setdefault("ssim terms", [])
    x, y, valid = pair.prediction, pair.truth, pair.valid
    for scale in range(scales):
        if min(y.shape[-2:]) < SSIM_WINDOW:
            break
        if scale == len(known):
            known.append(ssim_terms(x, y, pair.data_range, valid))
        if scale + 1 < scales:
            x, y = avg_pool2d(x, 2), avg_pool2d(y, 2)
            valid = None if valid is None else avg_pool2d(valid.double(), 2) == 1
    return known[:scales]


def moments(x: "Tensor", y: "Tensor") -> "Tensor":
    """Return x, y, x² + y² and xy (4, C, H, W): all that SSIM and UIQI need."""
    import torch

    return torch.stack((x, y, x.square() + y.square(), x * y))


def _bands(pair: Pair) -> "Tensor":
    terms = scale_terms(pair, 1)
    return terms[0][0] if terms else pair.truth.new_full(pair.truth.shape[:1], math.nan)


def _gaussian_means(images: "Tensor") -> "Tensor":
    """Return weighted means over the windows. Shifted sums outrun a convolution here."""
    import torch

    reach = SSIM_WINDOW // 2
    weights = [math.exp(-0.5 * (k / SSIM_SIGMA) ** 2) for k in range(-reach, reach + 1)]
    for axis in (-1, -2):
        size = images.shape[axis] - SSIM_WINDOW + 1
        total = torch.zeros_like(images.narrow(axis, 0, size))
        for offset, weight in enumerate(weights):
            total.add_(images.narrow(axis, offset, size), alpha=weight / sum(weights))
        images = total
    return images


METRIC = Metric(
    key="ssim",
    title="SSIM",
    higher_is_better=True,
    decimals=4,
    position=20,
    bands=_bands,
    shown="narrow",
    overview=True,
)
