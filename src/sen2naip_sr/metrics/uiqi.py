"""Universal image quality index: Wang and Bovik 2002, doi:10.1109/97.995823.

Windows of 8 x 8 at every pixel; where both images are flat, only their means are compared. Below
8 pixels a side the score is NaN. torchmetrics uses a Gaussian window and a stabilising constant.
"""

import math
from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair, mean_of_valid, valid_windows
from sen2naip_sr.metrics.ssim import moments

if TYPE_CHECKING:
    from torch import Tensor

UIQI_WINDOW = 8

# Below this share of the squares a variance is the rounding of floating-point data. That of whole
# numbers of up to 16 bits is exact, and larger wherever it is not zero.
_FLAT = 1e-13


def _bands(pair: Pair) -> "Tensor":
    x, y = pair.prediction, pair.truth
    if min(y.shape[-2:]) < UIQI_WINDOW:
        return y.new_full(y.shape[:1], math.nan)
    pixels = UIQI_WINDOW**2
    sum_x, sum_y, squares, product = _window_sums(moments(x, y))
    sums_product, sums_squares = sum_x * sum_y, sum_x.square() + sum_y.square()
    spread = pixels * squares - sums_squares
    structure = 2 * (pixels * product - sums_product) / spread
    structure = structure.masked_fill(spread <= _FLAT * pixels * squares, 1.0)
    luminance = (2 * sums_product / sums_squares).masked_fill(sums_squares == 0, 1.0)
    return mean_of_valid(structure * luminance, valid_windows(pair.valid, UIQI_WINDOW))


def _window_sums(images: "Tensor") -> "Tensor":
    """Return the sums over windows of `UIQI_WINDOW` (a power of two), by doubling their width."""
    for axis in (-1, -2):
        width = 1
        while width < UIQI_WINDOW:
            size = images.shape[axis] - width
            images = images.narrow(axis, 0, size) + images.narrow(axis, width, size)
            width *= 2
    return images


METRIC = Metric(
    key="uiqi",
    title="UIQI",
    higher_is_better=True,
    decimals=4,
    position=70,
    bands=_bands,
    shown="wide",
    costly=True,
)
