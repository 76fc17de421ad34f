"""Kernel inception distance: Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401.

Features of Inception v3, the 2,048 of its last pooling, of patches in true colour. Of a set of
chips, not of a chip. Unbiased, so better than FID on few chips.
"""

from functools import partial

from sen2naip_sr.metrics.metric import Metric
from sen2naip_sr.metrics.perceptual.sets import kernel_distance
from sen2naip_sr.metrics.perceptual.views import TRUE_COLOUR, features

METRIC = Metric(
    key="kid",
    title="KID",
    higher_is_better=False,
    decimals=4,
    position=211,
    gather=partial(features, needs="inception", bands=TRUE_COLOUR),
    of_set=kernel_distance,
    optional=True,
    needs="inception",
)
