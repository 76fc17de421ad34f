"""Which pixels are valid after downscaling, and which count."""

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation import SCALE, Recipe


def downscaled_validity(valid: Array, recipe: Recipe) -> Array:
    """Return which LR pixels are made of valid HR pixels only: (..., h, w) from (..., 2h, 2w).

    What lies beyond the image counts as valid, since recipes do not need it.
    """
    size = SCALE + 2 * recipe.reach
    around = [(0, 0)] * (valid.ndim - 2) + [(recipe.reach, recipe.reach)] * 2
    made: Array = np.pad(valid, around, constant_values=True)
    for axis in (-2, -1):
        windows = np.lib.stride_tricks.sliding_window_view(made, size, axis)
        made = np.asarray(windows.all(axis=-1))
        made = made[..., ::SCALE, :] if axis == -2 else made[..., ::SCALE]
    return made


def scored_pixels(hr: Array | None, lr: Array | None) -> Array | None:
    """Return the HR pixels that count in losses and scores, bool; None if all do.

    They are valid in the truth, and their LR pixel is valid in the input: elsewhere a network is
    not asked for a value.

    Args:
        hr: Valid HR pixels (..., 2h, 2w); None: all.
        lr: Valid LR pixels (..., h, w); None: all.
    """
    if lr is None:
        return hr
    below = lr.repeat(SCALE, axis=-2).repeat(SCALE, axis=-1)
    return below if hr is None else hr & below
