"""A small calibration, and a network and images with errors of known size."""

import numpy as np

from sen2naip_sr.inference.intervals.features import NAMES
from sen2naip_sr.inference.intervals.width import FORMULA
from sen2naip_sr.weights.calibration import Calibration, WidthModel

BYTE = (0.0, 255.0)


def width_model(**changes):
    """Return a half-width that grows with detail, and that a hidden value widens."""
    count = len(NAMES)
    values = {
        "centre": (2.0,) * count,
        "spread": (0.8,) * count,
        "hidden": ((0.5,) * count, (-0.5,) * count),
        "hidden_bias": (0.1, 0.0),
        "output": (0.2, 0.1),
        "direct": (0.7,) + (0.0,) * (count - 1),
        "bias": -4.0,
    }
    return WidthModel(**(values | changes))


def calibration(bands=4, **changes):
    values = {
        "level": 0.9,
        "formula": FORMULA,
        "width": width_model(),
        "power": 0.8,
        "correction": 1.1,
        "factors": (0.7, 1.5),
        "bands": bands,
        "places": ("somewhere",),
        "sensors": ("NAIP, 0.6 m",),
        "reductions": (1, 2),
        "images": 20,
        "pixels": 1000,
        "weights": "lean, step 1",
    }
    return Calibration(**(values | changes))


class Repeat:
    """A network that repeats pixels."""

    halo = 0
    factor = 2

    def __init__(self, bands=2, multiple=1):
        self.bands, self.multiple = bands, multiple
        self.shapes = []

    def __call__(self, tiles, trim=0):
        self.shapes.append(tiles.shape)
        return tiles.repeat(2, -1).repeat(2, -2)


def image(seed=0, height=24, width=32, bands=2):
    """Return a coarse picture with some noise, in [0, 1]."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 1, (bands, height // 4 + 1, width // 4 + 1))
    picture = coarse.repeat(4, 1).repeat(4, 2)[:, :height, :width]
    return picture + random.normal(0, 0.02, (bands, height, width))
