"""Consistency with the input: RMSE between the downscaled prediction and LR, digital numbers.

The prediction is downscaled by the recipe that made LR, without its noise and rounding. NaN where
LR or its recipe is not known.
"""

import math
from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair, mean_of_valid

if TYPE_CHECKING:
    from torch import Tensor


def _squares(pair: Pair) -> "Tensor | None":
    """Return the squared differences (C, h, w) to LR without the borders."""
    if pair.lr is None or pair.downscale is None:
        return None
    if "consistency" not in pair.memo:
        shave = pair.shave // pair.ratio
        height, width = pair.lr.shape[-2:]
        inside = (..., slice(shave, height - shave), slice(shave, width - shave))
        residual = pair.downscale(pair.whole[None]) - pair.lr[None]
        pair.memo["consistency"] = residual[inside].square()[0]
    squares: Tensor = pair.memo["consistency"]
    return squares


def _valid(pair: Pair) -> "Tensor | None":
    """Return the pixels of LR that count, without the borders; None: all."""
    if pair.lr_valid is None:
        return None
    shave = pair.shave // pair.ratio
    height, width = pair.lr_valid.shape[-2:]
    return pair.lr_valid[:, shave : height - shave, shave : width - shave]


def _bands(pair: Pair) -> "Tensor":
    import torch

    squares = _squares(pair)
    if squares is None:
        return pair.truth.new_full(pair.truth.shape[:1], math.nan)
    if pair.lr_valid is not None:
        return mean_of_valid(squares, _valid(pair)).sqrt()
    return torch.stack([band.mean().sqrt() for band in squares])


def _joint(pair: Pair, bands: "Tensor | None") -> "Tensor":
    squares = _squares(pair)
    if squares is None:
        return pair.truth.new_full((), math.nan)
    valid = _valid(pair)
    return (squares if valid is None else squares[valid]).mean().sqrt()


METRIC = Metric(
    key="consistency",
    title="consistency",
    unit="DN",
    higher_is_better=False,
    position=80,
    bands=_bands,
    joint=_joint,
    shown="narrow",
    short="consist.",
)
