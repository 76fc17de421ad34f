"""The pixels of many rotated rectangles or ellipses at once, listed by scan lines."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sen2naip_sr.arrays import Array

_CHUNK = 100_000


class Shapes(NamedTuple):
    """Many rotated shapes: centre, half length, half width (canvas pixels) and angle (radians)."""

    x: Array
    y: Array
    a: Array
    b: Array
    angle: Array

    def take(self, keep: Array) -> "Shapes":
        """Return the chosen shapes."""
        return Shapes(*(values[keep] for values in self))


def shapes(x: ArrayLike, y: ArrayLike, a: ArrayLike, b: ArrayLike, angle: ArrayLike) -> Shapes:
    """Return shapes with every property broadcast to the centres' (n,) and made float32."""
    full = (np.broadcast_to(np.asarray(v, np.float32), np.shape(x)) for v in (x, y, a, b, angle))
    return Shapes(*full)


class Pixels(NamedTuple):
    """Pixels of shapes: which shape, which pixel of the flat canvas, and where in the shape."""

    item: Array
    pixel: Array
    along: Array
    across: Array


def pixels_of(figures: Shapes, side: int, *, oval: bool) -> Iterator[Pixels]:
    """Yield the canvas pixels inside rectangles or ellipses, shape by shape in their order.

    The pixels are listed by scan lines, so the cost of a call depends on the number of pixels, not
    on the number and sizes of the shapes.
    """
    rank = np.cumsum(4.0 * figures.a * figures.b, dtype=np.float64) // _CHUNK
    for members in np.split(np.arange(len(rank)), np.flatnonzero(np.diff(rank)) + 1):
        own = figures.take(members)
        found = _scan(own, side, *_row_spans(own, side, oval))
        yield found._replace(item=members[found.item])


def _row_spans(own: Shapes, side: int, oval: bool) -> tuple[Array, Array, Array, Array]:
    """Return shape and row of every scan line, and its ends relative to the shape's centre."""
    cosine, sine = _off_axis(np.cos(own.angle)), _off_axis(np.sin(own.angle))
    if oval:
        reach = np.sqrt((own.a * sine) ** 2 + (own.b * cosine) ** 2)
    else:
        reach = own.a * np.abs(sine) + own.b * np.abs(cosine)
    first = np.clip(np.ceil(own.y - reach - 0.5), 0, side).astype(np.int64)
    last = np.clip(np.floor(own.y + reach - 0.5), -1, side - 1).astype(np.int64)
    rows = np.maximum(last - first + 1, 0)
    item = np.repeat(np.arange(len(rows)), rows)
    row = np.arange(len(item)) - np.repeat(np.cumsum(rows) - rows - first, rows)
    dy = (row + 0.5 - own.y[item]).astype(np.float32)
    c, s, a, b = cosine[item], sine[item], own.a[item], own.b[item]
    if oval:
        # The ellipse as p dx^2 + 2 q dx dy + r dy^2 = 1, solved for dx.
        p, r = (c / a) ** 2 + (s / b) ** 2, (s / a) ** 2 + (c / b) ** 2
        q = c * s * (1 / a**2 - 1 / b**2) * dy
        root = np.sqrt(np.maximum(q * q - p * (r * dy * dy - 1.0), 0.0))
        return item, row, (-q - root) / p, (-q + root) / p
    along, across = dy * s / c, dy * c / s
    along_reach, across_reach = a / np.abs(c), b / np.abs(s)
    low = np.maximum(-along - along_reach, across - across_reach)
    return item, row, low, np.minimum(-along + along_reach, across + across_reach)


def _off_axis(values: Array) -> Array:
    """Keep sines and cosines away from 0, so that they can be divided by."""
    return np.where(np.abs(values) < 1e-5, np.float32(1e-5), values)


def _scan(own: Shapes, side: int, item: Array, row: Array, *ends: Array) -> Pixels:
    """Return the pixels whose centres lie on scan lines."""
    x = own.x[item]
    begin = np.clip(np.ceil(x + ends[0] - 0.5), 0, side).astype(np.int64)
    stop = np.clip(np.floor(x + ends[1] + 0.5), 0, side).astype(np.int64)
    count = np.maximum(stop - begin, 0)
    line = np.repeat(np.arange(len(count)), count)
    step = np.arange(len(line)) - (np.cumsum(count) - count)[line]
    cosine, sine = np.cos(own.angle)[item], np.sin(own.angle)[item]
    dx, dy = begin + 0.5 - x, row + 0.5 - own.y[item]
    forward = step.astype(np.float32)
    along = (dx * cosine + dy * sine).astype(np.float32)[line] + forward * cosine[line]
    across = (dy * cosine - dx * sine).astype(np.float32)[line] - forward * sine[line]
    return Pixels(item[line], (row * side + begin)[line] + step, along, across)
