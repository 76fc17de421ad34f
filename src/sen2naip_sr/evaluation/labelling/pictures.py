"""Chips as PNGs that a person compares: visible colours, and infrared ones below."""

import io

import numpy as np
from PIL import Image

from sen2naip_sr.arrays import Array
from sen2naip_sr.evaluation.figures.tiles import composites, stretched

GAP = 4
"""Pixels between the two pictures of a chip."""


def picture(image: Array, truth: Array, enlarge: int) -> bytes:
    """Return an image as PNG, stretched by the truth, so that all methods look alike in tone.

    Args:
        image: (C, H, W), digital numbers.
        truth: (C, H, W), of which the 1 % and 99 % quantiles of each band become black and white.
        enlarge: Pixels of the PNG, in each direction, for one of the image.
    """
    parts = []
    for _, order in composites(len(image)):
        low, high = np.percentile(truth[list(order)], (1, 99), axis=(1, 2))
        values = stretched(image[list(order)], low, high)
        values = values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2)
        pixels = np.round(255 * values).astype(np.uint8)
        parts += [pixels.repeat(enlarge, 0).repeat(enlarge, 1)]
        parts += [np.full((GAP, parts[-1].shape[1], 3), 255, np.uint8)]
    stream = io.BytesIO()
    Image.fromarray(np.concatenate(parts[:-1])).save(stream, format="PNG", optimize=True)
    return stream.getvalue()
