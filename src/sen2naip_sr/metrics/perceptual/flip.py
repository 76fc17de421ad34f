"""FLIP: the difference that a person sees when two images are shown in turn.

Andersson et al. 2020, https://doi.org/10.1145/3406183. Of red, green and blue, taken for sRGB, at
the authors' default of 67 pixels per degree; mean over the pixels, 0 to 1. Needs the package
flip-evaluator, and no weights. NaN without it, and with fewer than three bands.
"""

import math
from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair
from sen2naip_sr.metrics.perceptual.views import TRUE_COLOUR, view

if TYPE_CHECKING:
    from torch import Tensor

NEEDS = "flip"


def _joint(pair: Pair, bands: "Tensor | None") -> "Tensor":
    evaluate = pair.extractors.get(NEEDS)
    images = view(pair, TRUE_COLOUR)
    if evaluate is None or images is None:
        return pair.truth.new_full((), math.nan)
    prediction, truth = (image.permute(1, 2, 0).contiguous().numpy() for image in images.cpu())
    _, mean, _ = evaluate(truth, prediction, "LDR", applyMagma=False)
    return pair.truth.new_full((), float(mean))


METRIC = Metric(
    key="flip",
    title="FLIP (RGB)",
    higher_is_better=False,
    decimals=4,
    position=201,
    joint=_joint,
    optional=True,
    needs=NEEDS,
)
