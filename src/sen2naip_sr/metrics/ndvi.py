"""NDVI error: mean absolute difference of the vegetation index (Rouse et al. 1974), 0 to 2.

``NDVI = (NIR - red) / (NIR + red)`` of the digital numbers as they are, at every pixel. Band 1 is
red and band 4 near-infrared. NDVI is 0 where the two are not positive together, and at most 1 and
at least -1. NaN for images of fewer than four bands.
"""

import math
from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair

if TYPE_CHECKING:
    from torch import Tensor

RED, NIR = 0, 3


def ndvi_difference(pair: Pair) -> "Tensor | None":
    """Return the NDVI of the prediction minus that of the truth; None without four bands.

    (H, W), or (pixels,) where only some count: those that are valid in both bands.
    """
    if len(pair.truth) <= NIR:
        return None
    if "ndvi" not in pair.memo:
        difference = _ndvi(pair.prediction) - _ndvi(pair.truth)
        if pair.valid is not None:
            difference = difference[pair.valid[RED] & pair.valid[NIR]]
        pair.memo["ndvi"] = difference
    known: Tensor = pair.memo["ndvi"]
    return known


def _ndvi(image: "Tensor") -> "Tensor":
    both = image[NIR] + image[RED]
    dark = both <= 0
    ratio = (image[NIR] - image[RED]) / both.masked_fill(dark, 1)
    return ratio.clamp(-1, 1).masked_fill(dark, 0)


def _joint(pair: Pair, bands: "Tensor | None") -> "Tensor":
    difference = ndvi_difference(pair)
    return pair.truth.new_full((), math.nan) if difference is None else difference.abs().mean()


METRIC = Metric(
    key="ndvi",
    title="NDVI error",
    higher_is_better=False,
    decimals=4,
    position=91,
    joint=_joint,
)
