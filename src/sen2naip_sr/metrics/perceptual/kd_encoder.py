"""Kernel distance of the features of the project's own encoder: all bands, no foreign weights.

The encoder is the shipped Lean up to its last layer: 48 feature maps, of which a patch has mean and
standard deviation. It was trained to upscale, not to recognise: it knows sharpness and texture, and
nothing of objects. Of a set of chips. Unbiased.
"""

from functools import partial

from sen2naip_sr.metrics.metric import Metric
from sen2naip_sr.metrics.perceptual.sets import kernel_distance
from sen2naip_sr.metrics.perceptual.views import features

METRIC = Metric(
    key="kd_encoder",
    title="KD (Lean encoder, all bands)",
    higher_is_better=False,
    decimals=6,
    position=214,
    gather=partial(features, needs="encoder", bands=None),
    of_set=kernel_distance,
    optional=True,
    needs="encoder",
)
