"""What an attribution map says in numbers."""

from dataclasses import dataclass

import numpy as np

from sen2naip_sr.arrays import Array

FRAME = 128
"""Side of the square, in LR pixels, that the diffusion index is taken of, whatever the image: the
index depends on how many pixels without attribution there are."""
MOST = 0.95


@dataclass(frozen=True)
class Spread:
    """How far the attributions of one window reach.

    Attributes:
        diffusion_index: (1 - Gini coefficient) x 100 over a square of `FRAME` pixels, 0 for a
            single pixel, 100 for all alike: Gu and Dong 2021, eq. 11.
        pixels_95: The fewest input pixels that hold 95 % of the attribution.
        side_95: Side of the square of as many pixels.
        radius: Mean distance of the attribution from the window's centre, in input pixels.
        outside: Share of the attribution that lies outside of the window.
    """

    diffusion_index: float
    pixels_95: int
    side_95: float
    radius: float
    outside: float


def magnitude(values: Array) -> Array:
    """Return the map (h, w) of attributions (C, h, w): the absolute value of their sum."""
    return np.abs(values.sum(axis=0))


def spread(values: Array, height: int, width: int) -> Spread:
    """Measure an attribution map.

    Args:
        values: (C, h, w), centred on the window.
        height: Rows of the window, in pixels.
        width: Its columns.
    """
    shown = magnitude(values)
    total = shown.sum()
    if not total:
        return Spread(0.0, 0, 0.0, 0.0, 0.0)
    falling = np.sort(shown, axis=None)[::-1]
    pixels = int(np.searchsorted(falling.cumsum(), MOST * total) + 1)
    rows, columns = np.indices(shown.shape)
    down, right = rows - (len(shown) - 1) / 2, columns - (shown.shape[1] - 1) / 2
    inside = (np.abs(down) < height / 2) & (np.abs(right) < width / 2)
    return Spread(
        diffusion_index=100 * (1 - gini(_framed(shown))),
        pixels_95=min(pixels, shown.size),
        side_95=float(np.sqrt(min(pixels, shown.size))),
        radius=float((shown * np.hypot(down, right)).sum() / total),
        outside=float(shown[~inside].sum() / total),
    )


def gini(values: Array) -> float:
    """Return the Gini coefficient of values that are not negative: 0 if all are alike."""
    rising = np.sort(values, axis=None).astype(np.float64)
    count, total = rising.size, rising.sum()
    if not total:
        return 0.0
    ranks = np.arange(1, count + 1)
    return float((2 * ranks - count - 1) @ rising / (count * total))


def _framed(shown: Array) -> Array:
    """Return the middle of a map in a square of `FRAME` pixels, zero where it does not reach."""
    frame = np.zeros((FRAME, FRAME))
    height, width = (min(FRAME, side) for side in shown.shape)
    top, left = (
        (side - part) // 2 for side, part in zip(shown.shape, (height, width), strict=True)
    )
    at = (FRAME - height) // 2, (FRAME - width) // 2
    middle = shown[top : top + height, left : left + width]
    frame[at[0] : at[0] + height, at[1] : at[1] + width] = middle
    return frame


def band_shares(values: Array) -> Array:
    """Return the matrix of shares (C in, K out) of attributions (K, C, h, w): columns sum to 1."""
    sums = np.abs(values).sum(axis=(2, 3)).T
    total = sums.sum(axis=0, keepdims=True)
    return np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
