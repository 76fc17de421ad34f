"""Fréchet distance of VGG16's features of patches in false colour (NIR, red, green).

The 512 features after the last ReLU, averaged over a patch. It is no FID: the features are others,
and values cannot be compared with published ones. Of a set of chips. Biased: see
`sen2naip_sr.metrics.perceptual.sets.frechet_distance`.
"""

from functools import partial

from sen2naip_sr.metrics.metric import Metric
from sen2naip_sr.metrics.perceptual.sets import frechet_distance
from sen2naip_sr.metrics.perceptual.views import FALSE_COLOUR, features

METRIC = Metric(
    key="fd_vgg16",
    title="FD (VGG16, false colour)",
    higher_is_better=False,
    decimals=4,
    position=213,
    gather=partial(features, needs="vgg16", bands=FALSE_COLOUR),
    of_set=frechet_distance,
    optional=True,
    needs="vgg16",
)
