"""Scenes whose contrasts are too faint for numbers of few bits.

Feature maps of 8 bits, or in half precision, err by a share of the value range that hardly depends
on the image: about 0.1 and 0.05 of a 255th. Where an image uses little of its range, this is much
beside its structure, and may show as a pattern. Such scenes are computed in float32. Whole numbers
that are no finer than the error are an exception: rounding to them hides it.
"""

import numpy as np
from torch import Tensor

from sen2naip_sr.inference.flat_areas import typical_structure

FAINT = 4.0
"""Typical structure in 255ths of the value range, below which a scene is faint; docs/upscaling.md
has what it was chosen by."""

COARSE = 512.0
"""Whole numbers hide the error if the value range has at most so many."""


def is_faint(windows: Tensor | None, dtype: np.dtype, value_range: tuple[float, float]) -> bool:
    """Return whether a scene is to be computed in float32.

    Args:
        windows: (n, C, side, side), float32, in [0, 1]: parts of the scene; None or no windows if
            there are none that are neither flat nor invalid.
        dtype: Of its values.
        value_range: Digital numbers that are 0 and 1.
    """
    if np.issubdtype(dtype, np.integer) and value_range[1] - value_range[0] <= COARSE:
        return False
    if windows is None or not len(windows):
        return True
    return bool(typical_structure(windows).median() < FAINT)
