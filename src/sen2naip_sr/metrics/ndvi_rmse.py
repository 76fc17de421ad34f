"""NDVI RMSE: root of the mean squared error of the vegetation index; see `metrics.ndvi`."""

import math
from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair
from sen2naip_sr.metrics.ndvi import ndvi_difference

if TYPE_CHECKING:
    from torch import Tensor


def _joint(pair: Pair, bands: "Tensor | None") -> "Tensor":
    difference = ndvi_difference(pair)
    if difference is None:
        return pair.truth.new_full((), math.nan)
    return difference.square().mean().sqrt()


METRIC = Metric(
    key="ndvi_rmse",
    title="NDVI RMSE",
    higher_is_better=False,
    decimals=4,
    position=92,
    joint=_joint,
)
