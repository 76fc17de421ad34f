"""Where the error is: by distance to an edge of the truth, by brightness and by land cover."""

import numpy as np
import pandas as pd

from sen2naip_sr.arrays import Array
from sen2naip_sr.explain.land_cover import CLASSES, classify
from sen2naip_sr.raster.gradient import gradient_energy

EDGE_SHARE = 0.9
"""Pixels with a larger gradient than this share of all are edges."""
DISTANCES = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Distances to an edge, in pixels of the result, at which groups begin."""
QUANTILES = 5


def error_profiles(
    prediction: Array, truth: Array, value_range: tuple[float, float], shave: int = 4
) -> pd.DataFrame:
    """Return the error of groups of pixels.

    Args:
        prediction: (C, H, W), digital numbers.
        truth: The same.
        value_range: Digital numbers of 0 and 1.
        shave: Pixels at each border that do not count.

    Returns:
        Columns measure ("distance to an edge", "brightness" or "land cover"), group, share (of the
        pixels) and rmse (digital numbers, over all bands). Groups without pixels are left out.
    """
    inner = (..., slice(shave, -shave or None), slice(shave, -shave or None))
    truth = truth[inner].astype(np.float64)
    squares = np.square(prediction[inner].astype(np.float64) - truth).mean(axis=0)
    low, high = value_range
    rows = []
    for measure, (names, numbers) in _groups((truth - low) / (high - low)).items():
        counts = np.bincount(numbers.ravel(), minlength=len(names))
        sums = np.bincount(numbers.ravel(), squares.ravel(), minlength=len(names))
        rows += [
            {
                "measure": measure,
                "group": name,
                "share": count / numbers.size,
                "rmse": float(np.sqrt(total / count)),
            }
            for name, count, total in zip(names, counts, sums, strict=True)
            if count
        ]
    return pd.DataFrame(rows)


def _groups(truth: Array) -> dict[str, tuple[list[str], Array]]:
    """Return names of groups and the group of every pixel (H, W), by measure."""
    from scipy.ndimage import distance_transform_edt

    energy = gradient_energy(truth)
    edges = energy > np.quantile(energy, EDGE_SHARE)
    distance = distance_transform_edt(~edges) if edges.any() else np.full(edges.shape, np.inf)
    ends = [*DISTANCES[1:], None]
    names = [
        "on an edge" if not start else f"{start:g} to {end:g} px" if end else f"from {start:g} px"
        for start, end in zip(DISTANCES, ends, strict=True)
    ]
    groups = {"distance to an edge": (names, np.digitize(distance, DISTANCES[1:]))}
    brightness = truth.mean(axis=0)
    limits = np.quantile(brightness, np.arange(1, QUANTILES) / QUANTILES)
    fifths = ["darkest fifth", "second", "third", "fourth", "brightest fifth"]
    groups["brightness"] = (fifths, np.digitize(brightness, limits))
    classes = classify(truth)
    if classes is not None:
        groups["land cover"] = (list(CLASSES), classes)
    return groups
