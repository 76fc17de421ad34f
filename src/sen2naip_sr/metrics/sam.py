"""Spectral angle mapper (Yuhas et al. 1992): mean over the pixels, degrees from 0 to 180.

Pixels count that are valid in every band. A pixel that is zero in all bands of one image only
counts as 90, in both images as 0. NaN for one band, which has no angle.
"""

import math
from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair, mean_of_valid

if TYPE_CHECKING:
    from torch import Tensor


def _joint(pair: Pair, bands: "Tensor | None") -> "Tensor":
    prediction, truth = pair.prediction[None], pair.truth[None]
    if truth.shape[1] == 1:
        return truth.new_full((), math.nan)
    dot = (prediction * truth).sum(dim=1)
    squares = prediction.square().sum(dim=1), truth.square().sum(dim=1)
    # Lagrange's identity: unlike the arc cosine, exactly 0 for equal spectra
    cross = (squares[0] * squares[1] - dot.square()).clamp(min=0).sqrt()
    degrees = cross.atan2(dot).rad2deg()
    one_is_zero = (squares[0] == 0) != (squares[1] == 0)
    valid = None if pair.valid is None else pair.valid.all(dim=0)
    return mean_of_valid(degrees.masked_fill(one_is_zero, 90.0)[0], valid)


METRIC = Metric(
    key="sam",
    title="SAM",
    unit="°",
    higher_is_better=False,
    position=50,
    joint=_joint,
    shown="narrow",
    overview=True,
)
