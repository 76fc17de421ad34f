"""What a prediction shows around each pixel of the size of its error.

Detail is the local energy that a blur removes, slope that of the gradient. Their ratio is the local
frequency: detail at high frequencies goes on beyond those that the image shows. Edges and lines are
easier to predict than grass and leaves: where gradients agree in direction, errors are smaller. The
agreement is the coherence of the structure tensor (Jähne 1993, "Spatio-Temporal Image Processing",
doi:10.1007/3-540-57418-2).
"""

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation import SCALE

NAMES = ("detail", "slope", "common detail", "coherence", "brightness")
"""What `features` returns. Change `sen2naip_sr.inference.intervals.width.FORMULA` with it."""

HALO = 5
"""LR pixels around a window that its features depend on."""

FLOOR = 0.5 / 255
"""Share of the value range that is added to energies: flat ground has errors too, at least those of
rounding."""


def features(prediction: Array) -> Array:
    """Return the features of a prediction.

    Args:
        prediction: (C, 2h, 2w), normalised to [0, 1], finite; neither clipped nor rounded.

    Returns:
        (len(`NAMES`), C, h, w), float32. A pixel depends on `HALO` LR pixels to each side; the
        image is mirrored at its edges.
    """
    image = prediction.astype(np.float32, copy=False)
    detail = _energy(np.square(image - _blurred(image)))
    across, down = (_gradient(image, axis) for axis in (-1, -2))
    slope = _energy(np.square(across) + np.square(down))
    found = np.empty((len(NAMES), *detail.shape), np.float32)
    found[0], found[1] = _log(detail), _log(slope)
    found[2] = _log(detail.mean(axis=0))
    found[3] = _coherence(across, down)
    found[4] = _block_means(image)
    return found


def _gradient(image: Array, axis: int) -> Array:
    """Return half the differences of the neighbours along an axis; the image's edge is repeated."""
    moved = np.moveaxis(image, axis, 0)
    result = np.empty_like(image)
    found = np.moveaxis(result, axis, 0)
    last = len(moved) - 1
    np.subtract(moved[2:], moved[:-2], out=found[1:-1])
    found[0], found[last] = moved[1] - moved[0], moved[last] - moved[last - 1]
    result *= np.float32(0.5)
    return result


def _log(energy: Array) -> Array:
    """Return the logarithm of the root of an energy, above that of the floor."""
    return np.asarray(np.log(np.sqrt(energy) / np.float32(FLOOR) + np.float32(1)))


def _coherence(across: Array, down: Array) -> Array:
    """Return how far gradients agree in direction, over all bands: (h, w), 0 to 1; 0.5 if flat."""
    xx, xy, yy = (
        _energy((a * b).mean(axis=0)) for a, b in ((across, across), (across, down), (down, down))
    )
    floor = np.float32(FLOOR**2)
    oriented = np.sqrt(np.square(xx - yy) + 4 * np.square(xy))
    return np.asarray((oriented + floor / 2) / (xx + yy + floor))


def _energy(squares: Array) -> Array:
    """Return the local mean of (..., 2h, 2w) around each LR pixel: (..., h, w)."""
    return _blurred(_block_means(squares))


def _block_means(image: Array) -> Array:
    """Return the mean of each LR pixel's 2 x 2: (..., 2h, 2w) to (..., h, w)."""
    top = image[..., ::SCALE, ::SCALE] + image[..., ::SCALE, 1::SCALE]
    bottom = image[..., 1::SCALE, ::SCALE] + image[..., 1::SCALE, 1::SCALE]
    return np.asarray((top + bottom) * np.float32(0.25))


def _blurred(image: Array) -> Array:
    # scipy is slow to import, and most scenes are upscaled without intervals
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(image, 1.0, truncate=3.0, axes=(-2, -1)))
