"""Land cover of pixels by simple rules: vegetation, water, built and bare.

From the vegetation index NDVI (Rouse et al. 1974), the water index NDWI (McFeeters 1996,
doi:10.1080/01431169608948714) and brightness. The thresholds are for values that are shares of the
sensor's range, such as those of aerial imagery; they tell land cover apart for comparison, and are
no map of it.
"""

import numpy as np

from sen2naip_sr.arrays import Array

CLASSES = ("vegetation", "water", "built", "bare")
RED, GREEN, BLUE, NIR = range(4)
VEGETATED, WATERY, DARK = 0.15, 0.1, 0.35
"""NDVI of vegetation and NDWI of water at least, and brightness of water at most."""
REDDISH = 1.15
"""Red over blue of bare ground at least: soil is redder than roofs and roads."""


def classify(image: Array) -> Array | None:
    """Return the class of every pixel, as an index of `CLASSES`; None without four bands.

    Args:
        image: (C, h, w), values in [0, 1]: red, green, blue, near-infrared.

    Returns:
        (h, w), int.
    """
    if len(image) <= NIR:
        return None
    red, green, blue, nir = image[:4].astype(np.float64)
    vegetated = _index(nir, red) >= VEGETATED
    brightness = image[:3].mean(axis=0)
    watery = (_index(green, nir) >= WATERY) & (brightness <= DARK)
    bare = red >= REDDISH * np.maximum(blue, 1e-6)
    return np.select([vegetated, watery, ~bare], [0, 1, 2], 3)


def _index(first: Array, second: Array) -> Array:
    total = first + second
    return np.divide(first - second, total, out=np.zeros_like(total), where=total > 0)
