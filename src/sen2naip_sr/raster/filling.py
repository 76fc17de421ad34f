"""Gaps in images, filled from the valid pixels around them."""

from itertools import product

import numpy as np

from sen2naip_sr.arrays import Array

UNKNOWN = 0.5
"""Stands where no valid pixel is near. Networks centre their input on it."""

_NEIGHBOURS = [step for step in product((-1, 0, 1), repeat=2) if step != (0, 0)]


def fill(values: Array, valid: Array, reach: int, unknown: float = UNKNOWN) -> Array:
    """Fill invalid pixels from the valid pixels around them.

    Pixels are filled in rings, from the valid pixels outwards. Each becomes the mean of those of
    its eight neighbours, in its band, that are valid or in an earlier ring. A filled pixel depends
    on the valid pixels at most ``reach`` away and on nothing else. Every window that shows these
    (or ends with the scene) therefore gives the same bits. A transform to the nearest valid pixel
    would depend on how it breaks ties, and leave more edges.

    Args:
        values: (C, h, w), float; anything where invalid.
        valid: (C, h, w), bool.
        reach: Rings to fill.
        unknown: What pixels beyond them become.

    Returns:
        (C, h, w), in the dtype of ``values``; ``values`` itself if all pixels are valid.
    """
    if valid.all():
        return values
    # a frame that is never filled: steps in the flat array cannot wrap to other rows
    frame = ((0, 0), (1, 1), (1, 1))
    framed = np.pad(np.where(valid, values, values.dtype.type(unknown)), frame)
    known, missing = np.pad(valid, frame), np.pad(~valid, frame)
    ring = _first_ring(known, missing)
    steps = [row * framed.shape[2] + column for row, column in _NEIGHBOURS]
    flat, known, missing = framed.reshape(-1), known.reshape(-1), missing.reshape(-1)
    for _ in range(reach):
        if not ring.size:
            break
        flat[ring] = _mean_of_known(flat, known, ring, steps)
        known[ring], missing[ring] = True, False
        around = np.add.outer(steps, ring).reshape(-1)
        ring = np.unique(around[missing[around]])
    return framed[:, 1:-1, 1:-1]


def _first_ring(known: Array, missing: Array) -> Array:
    near = known.copy()
    near[:, 1:] |= known[:, :-1]
    near[:, :-1] |= known[:, 1:]
    rows = near.copy()
    near[:, :, 1:] |= rows[:, :, :-1]
    near[:, :, :-1] |= rows[:, :, 1:]
    return np.flatnonzero(near & missing)


def _mean_of_known(values: Array, known: Array, pixels: Array, steps: list[int]) -> Array:
    """Return the mean of the known neighbours, summed in a fixed order and in float64."""
    total, count = np.zeros(pixels.size), np.zeros(pixels.size, np.uint8)
    for step in steps:
        here = known[pixels + step]
        total += np.where(here, values[pixels + step], 0)
        count += here
    return total / count


def fill_digital(values: Array, valid: Array) -> Array:
    """Fill all invalid pixels of digital numbers; see `fill`.

    The result depends on the valid pixels alone. A band without any becomes the mean of the
    others' valid pixels.

    Args:
        values: (C, h, w), of any real dtype; anything where invalid.
        valid: (C, h, w), bool, with some valid pixel.

    Returns:
        (C, h, w) in the same dtype, rounded if that is of integers.
    """
    if valid.all():
        return values
    mean = float(values[valid].mean(dtype=np.float64))
    safe = np.where(valid, values, values.dtype.type(0)).astype(np.float64)
    filled = fill(safe, valid, reach=max(values.shape[1:]), unknown=mean)
    if np.issubdtype(values.dtype, np.integer):
        filled = np.rint(filled)
    return np.where(valid, values, filled.astype(values.dtype))
