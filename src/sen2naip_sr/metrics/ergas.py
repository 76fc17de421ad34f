"""Relative dimensionless global error in synthesis: Wald 2000.

``100 h/l sqrt(mean_b (rmse_b / mean_b)^2)`` with the truth's band means and ``h/l = 1/ratio`` of
the pixel sizes. NaN where a band of the truth has mean 0.
"""

import math
from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair, mean_of_valid
from sen2naip_sr.metrics.rmse import rmse_bands, root_mean_square

if TYPE_CHECKING:
    from torch import Tensor


def _bands(pair: Pair) -> "Tensor":
    mean = mean_of_valid(pair.truth, pair.valid)
    ergas = 100 / pair.ratio * rmse_bands(pair) / mean.abs()
    return ergas.masked_fill(mean == 0, math.nan)


METRIC = Metric(
    key="ergas",
    title="ERGAS",
    higher_is_better=False,
    position=60,
    bands=_bands,
    joint=root_mean_square,
    shown="narrow",
)
