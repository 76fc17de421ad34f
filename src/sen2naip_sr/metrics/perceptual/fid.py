"""Fréchet inception distance: Heusel et al. 2017, https://arxiv.org/abs/1706.08500.

Features of Inception v3, the 2,048 of its last pooling, of patches in true colour. Of a set of
chips, not of a chip. Biased: see `sen2naip_sr.metrics.perceptual.sets.frechet_distance`.
"""

from functools import partial

from sen2naip_sr.metrics.metric import Metric
from sen2naip_sr.metrics.perceptual.sets import frechet_distance
from sen2naip_sr.metrics.perceptual.views import TRUE_COLOUR, features

METRIC = Metric(
    key="fid",
    title="FID",
    higher_is_better=False,
    decimals=4,
    position=210,
    gather=partial(features, needs="inception", bands=TRUE_COLOUR),
    of_set=frechet_distance,
    optional=True,
    needs="inception",
)
