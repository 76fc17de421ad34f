"""Inception score: Salimans et al. 2016, https://arxiv.org/abs/1606.03498.

Of the predictions of a set of chips, in true colour; the truth does not enter. Inception v3 sorts
photographs into classes, which imagery from above has none of: it is here because the field's
reviews list it, and says little.
"""

from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair
from sen2naip_sr.metrics.perceptual.sets import inception_score
from sen2naip_sr.metrics.perceptual.views import TRUE_COLOUR, features

if TYPE_CHECKING:
    from torch import Tensor

NEEDS = "inception_logits"


def _gather(pair: Pair) -> "Tensor | None":
    return features(pair, NEEDS, TRUE_COLOUR)


def _of_set(prediction: "Tensor", truth: "Tensor") -> float:
    return inception_score(prediction)


METRIC = Metric(
    key="inception_score",
    title="IS",
    higher_is_better=True,
    position=212,
    gather=_gather,
    of_set=_of_set,
    optional=True,
    needs=NEEDS,
)
