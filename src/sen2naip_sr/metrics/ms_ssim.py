"""Multi-scale SSIM: Wang, Simoncelli and Bovik 2003, doi:10.1109/ACSSC.2003.1292216, eq. 7.

Five scales; negative terms count as 0. Below 176 pixels a side the window does not fit into the
coarsest scale, and the score is NaN.
"""

import math
from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair
from sen2naip_sr.metrics.ssim import scale_terms

if TYPE_CHECKING:
    from torch import Tensor

MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def _bands(pair: Pair) -> "Tensor":
    import torch

    terms = scale_terms(pair, len(MS_SSIM_WEIGHTS))
    if len(terms) < len(MS_SSIM_WEIGHTS):
        return pair.truth.new_full(pair.truth.shape[:1], math.nan)
    factors = torch.stack([*(contrast for _, contrast in terms[:-1]), terms[-1][0]])
    weights = factors.new_tensor(MS_SSIM_WEIGHTS).unsqueeze(1)
    return (factors.clamp(min=0) ** weights).prod(dim=0)


METRIC = Metric(
    key="ms_ssim",
    title="MS-SSIM",
    higher_is_better=True,
    decimals=4,
    position=30,
    bands=_bands,
    costly=True,
)
