"""How much an image changes from pixel to pixel."""

from typing import Any

import numpy as np

from sen2naip_sr.arrays import Array


def gradient_energy(image: Array, dtype: type[np.floating[Any]] = np.float64) -> Array:
    """Return the squared differences to the pixels below and to the right, summed over the bands.

    A pixel whose difference is not finite counts as flat.

    Args:
        image: (C, H, W), any dtype.
        dtype: What it is computed in, band by band.

    Returns:
        (H, W) of that dtype, in the image's units squared.
    """
    energy = np.zeros(image.shape[1:], dtype)
    for band in image:
        values = band.astype(dtype)
        energy[:-1] += np.square(np.diff(values, axis=0))
        energy[:, :-1] += np.square(np.diff(values, axis=1))
    energy[~np.isfinite(energy)] = 0
    return energy
