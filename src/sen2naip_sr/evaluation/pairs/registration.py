"""Where a truth lies on the grid of the upscaled bands, to a quarter of a pixel."""

import math
from itertools import product

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.evaluation.pairs.detail import Detail, fit

STEP = 0.25
"""Registrations are multiples of it, in pixels of the result."""

LEAST = 1000
"""Pixels that a comparison needs."""

Place = tuple[float, float]
"""A row and a column."""

_PAD = 32
"""Reflected pixels around a truth that is moved, since a Fourier transform is periodic."""


class Movable:
    """The detail of a truth, which can be moved by fractions of a pixel.

    The phase of its Fourier transform moves it. Splines would blur its finest detail, which is
    what is compared.
    """

    def __init__(self, detail: Detail) -> None:
        self._detail = detail
        frame = ((0, 0), (_PAD, _PAD), (_PAD, _PAD))
        padded = np.pad(detail.values, frame, "symmetric")
        self._shape = padded.shape[1:]
        self._spectrum = np.fft.rfft2(padded)

    def at(self, place: Place, size: tuple[int, int]) -> Detail:
        """Return the truth on another grid; zero, and not known, where there is no truth.

        Args:
            place: Row and column of the truth at the corner of the grid's first pixel.
            size: Rows and columns of the grid.
        """
        whole = (math.floor(place[0]), math.floor(place[1]))
        moved = self._moved((place[0] - whole[0], place[1] - whole[1]))
        values, known = np.zeros((len(moved), *size)), np.zeros(size, bool)
        here, there = zip(
            *map(_shared, whole, size, self._detail.known.shape),
            strict=True,
        )
        values[:, *here] = moved[:, *there]
        known[here] = self._detail.known[there]
        return Detail(values, known)

    def _moved(self, by: Place) -> Array:
        if not any(by):
            return self._detail.values
        (height, width), (down, right) = self._shape, by
        phase = np.add.outer(down * np.fft.fftfreq(height), right * np.fft.rfftfreq(width))
        moved = np.fft.irfft2(self._spectrum * np.exp(2j * np.pi * phase), self._shape)
        return moved[:, _PAD:-_PAD, _PAD:-_PAD]


def register(
    details: Detail, truth: Movable, offset: Place, *, panchromatic: bool, reach: float
) -> Place | None:
    """Return by how much the georeferencing is off: where details predict the truth best.

    Whole pixels are tried first, then quarters around the best of them.

    Args:
        details: Details of the bands, upscaled by an interpolation.
        truth: The truth.
        offset: Row and column of the truth at the corner of the details' first pixel, according to
            the georeferencing.
        panchromatic: See `fit`.
        reach: Largest error of the georeferencing on each axis, in pixels of the result.

    Returns:
        Rows and columns to add to ``offset``. None if fewer than `LEAST` pixels can be compared.
    """

    def missed(error: Place) -> float:
        place = (offset[0] + error[0], offset[1] + error[1])
        placed = truth.at(place, details.known.shape)
        used = details.known & placed.known
        if used.sum() < LEAST:
            return math.inf
        return fit(details.values[:, used], placed.values[:, used], panchromatic).missed

    best = min(_around((0.0, 0.0), 1.0, reach), key=missed)
    finer = [place for place in _around(best, STEP, 1 - STEP) if max(map(abs, place)) <= reach]
    best = min(finer, key=missed)
    return None if math.isinf(missed(best)) else best


def _around(middle: Place, step: float, reach: float) -> list[Place]:
    """Return places in steps around one, the nearest first: among equals it is chosen."""
    n = math.floor(reach / step)
    steps = sorted(product(range(-n, n + 1), repeat=2), key=lambda s: (s[0] ** 2 + s[1] ** 2, s))
    return [(middle[0] + step * row, middle[1] + step * column) for row, column in steps]


def _shared(start: int, length: int, of_truth: int) -> tuple[slice, slice]:
    """Return the part of an axis that a grid shares with a truth: on the grid, and on the truth.

    Args:
        start: Where the grid begins on the truth.
        length: Pixels of the grid.
        of_truth: Pixels of the truth.
    """
    first = min(max(0, -start), length)
    last = max(first, min(length, of_truth - start))
    return slice(first, last), slice(first + start, last + start)
