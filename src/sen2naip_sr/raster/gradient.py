"""Gradient energy of an image."""

from typing import Any

import numpy as np

from sen2naip_sr.arrays import Array


def gradient_energy(image: Array, dtype: type[np.floating[Any]] = np.float64) -> Array:
    """Return the squared differences to the pixels below and to the right, summed over the bands.

    If a difference is not finite, the pixel's energy is 0. It is computed band by band in ``dtype``
    from (C, H, W) of any dtype: (H, W), in the image's units squared.
    """
    energy = np.zeros(image.shape[1:], dtype)
    for band in image:
        values = band.astype(dtype)
        energy[:-1] += np.square(np.diff(values, axis=0))
        energy[:, :-1] += np.square(np.diff(values, axis=1))
    energy[~np.isfinite(energy)] = 0
    return energy
