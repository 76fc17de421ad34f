"""Painting of simple shapes onto a canvas: leaves, crowns, roofs, their shadows, strips and rows.

One call paints many shapes without a Python loop over them; later ones hide earlier ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen2naip_sr.sources.materials import Floats, Ints

_CHUNK = 100_000


@dataclass(frozen=True)
class Canvas:
    """What is painted on: square planes of the same side.

    Args:
        label: (side, side) int64, which object is seen.
        sunlit: (side, side) float32, direct sun: 0 in cast shadow, 1 on level ground, more on
            slopes that face the sun.
        rough: (side, side) float32, noise of unit variance that makes outlines irregular.
    """

    label: Ints
    sunlit: Floats
    rough: Floats

    @property
    def side(self) -> int:
        """Pixels along one side."""
        return self.label.shape[0]


@dataclass(frozen=True)
class Sun:
    """Where the light comes from.

    Args:
        x: Horizontal direction towards the sun, of unit length with ``y``; columns grow with it.
        y: Rows grow with it.
        cotangent: Length of the shadow of something of unit height.
    """

    x: float
    y: float
    cotangent: float


class Shapes(NamedTuple):
    """Many rotated shapes: centre, half length, half width (canvas pixels) and angle (radians)."""

    x: Floats
    y: Floats
    a: Floats
    b: Floats
    angle: Floats

    def take(self, keep: NDArray[np.bool_] | Ints) -> "Shapes":
        """Return the chosen shapes."""
        return Shapes(*(values[keep] for values in self))


def shapes(x: Floats, y: Floats, a: object, b: object, angle: object = 0.0) -> Shapes:
    """Return shapes with every property broadcast to the centres' (n,) and made float32."""
    full = (np.broadcast_to(np.asarray(v, np.float32), np.shape(x)) for v in (x, y, a, b, angle))
    return Shapes(*full)


class _Pixels(NamedTuple):
    """Pixels of shapes: which shape, which pixel of the flat canvas, and where in the shape."""

    item: Ints
    pixel: Ints
    along: Floats
    across: Floats


def _pixels(figures: Shapes, side: int, *, oval: bool) -> Iterator[_Pixels]:
    """Yield the canvas pixels inside rectangles or ellipses, shape by shape in their order.

    The pixels are listed by scan lines, so that a call costs what its pixels cost, however many
    shapes of whatever sizes they belong to.
    """
    rank = np.cumsum(4.0 * figures.a * figures.b, dtype=np.float64) // _CHUNK
    for members in np.split(np.arange(len(rank)), np.flatnonzero(np.diff(rank)) + 1):
        own = figures.take(members)
        found = _scan(own, side, *_row_spans(own, side, oval))
        yield found._replace(item=members[found.item])


def _row_spans(own: Shapes, side: int, oval: bool) -> tuple[Ints, Ints, Floats, Floats]:
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


def _off_axis(values: Floats) -> Floats:
    """Keep sines and cosines away from 0, so that they can be divided by."""
    return np.where(np.abs(values) < 1e-5, np.float32(1e-5), values)


def _scan(own: Shapes, side: int, item: Ints, row: Ints, *ends: Floats) -> _Pixels:
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
    return _Pixels(item[line], (row * side + begin)[line] + step, along, across)


def paint_ovals(canvas: Canvas, figures: Shapes, labels: Ints, rough: float) -> None:
    """Paint level ellipses.

    Args:
        canvas: What is painted on.
        figures: The n ellipses.
        labels: (n,) their labels.
        rough: Irregularity of the outline, relative to the radius.
    """
    reach = np.float32(1.0 + 0.6 * rough)
    room = figures._replace(a=figures.a * reach, b=figures.b * reach)
    for item, pixel, along, across in _pixels(room, canvas.side, oval=True):
        squared = (along / figures.a[item]) ** 2 + (across / figures.b[item]) ** 2
        inside = squared + rough * canvas.rough.ravel()[pixel] <= 1.0
        canvas.label.ravel()[pixel[inside]] = labels[item[inside]]
        canvas.sunlit.ravel()[pixel[inside]] = 1.0


def paint_quadrilaterals(canvas: Canvas, figures: Shapes, labels: Ints, taper: Floats) -> None:
    """Paint level trapezoids.

    Args:
        canvas: What is painted on.
        figures: The n shapes.
        labels: (n,) their labels.
        taper: (n,) from 0 (rectangle) to 1 (triangle).
    """
    for item, pixel, along, across in _pixels(figures, canvas.side, oval=False):
        p, q = along / figures.a[item], across / figures.b[item]
        inside = np.abs(q) + taper[item] * 0.5 * (p + 1.0) <= 1.0
        canvas.label.ravel()[pixel[inside]] = labels[item[inside]]
        canvas.sunlit.ravel()[pixel[inside]] = 1.0


def paint_crowns(canvas: Canvas, figures: Shapes, labels: Ints, sun: Sun) -> None:
    """Paint trees: shadows first, then domes lit from the sun's side.

    Args:
        canvas: What is painted on.
        figures: The n crowns; a tree is about 2.4 times as high as its crown's radius.
        labels: (n,) their labels.
        sun: Where the light comes from.
    """
    length = 1.5 * sun.cotangent * figures.a
    fallen = figures._replace(x=figures.x - length * sun.x, y=figures.y - length * sun.y)
    for item, pixel, along, across in _pixels(fallen, canvas.side, oval=True):
        squared = (along / fallen.a[item]) ** 2 + (across / fallen.b[item]) ** 2
        inside = squared + 0.22 * canvas.rough.ravel()[pixel] <= 1.0
        canvas.sunlit.ravel()[pixel[inside]] = 0.0
    towards, beside = _in_shapes(figures, sun)
    for item, pixel, along, across in _pixels(figures, canvas.side, oval=True):
        p, q = along / figures.a[item], across / figures.b[item]
        squared = p * p + q * q
        bumps = canvas.rough.ravel()[pixel]
        inside = np.flatnonzero(squared + 0.22 * bumps <= 1.0)
        item, p, q = item[inside], p[inside], q[inside]
        height = np.sqrt(np.maximum(1.0 - squared[inside], 0.05))
        facing = sun.cotangent * (p * towards[item] + q * beside[item])
        lit = np.clip(0.25 + 0.75 * (height + 0.8 * facing) + 0.12 * bumps[inside], 0.0, 1.6)
        canvas.label.ravel()[pixel[inside]] = labels[item]
        canvas.sunlit.ravel()[pixel[inside]] = lit


def cast_shadows(canvas: Canvas, figures: Shapes, height: Floats, sun: Sun) -> None:
    """Darken the ground that boxes of a height (canvas pixels) hide from the sun."""
    length = -height * sun.cotangent
    towards, beside = _in_shapes(figures, sun)
    along_sun, across_sun = length * towards, length * beside
    swept = shapes(
        figures.x + length * sun.x / 2,
        figures.y + length * sun.y / 2,
        figures.a + np.abs(along_sun) / 2,
        figures.b + np.abs(across_sun) / 2,
        figures.angle,
    )
    widest = figures.a * np.abs(across_sun) + figures.b * np.abs(along_sun)
    for item, pixel, along, across in _pixels(swept, canvas.side, oval=False):
        offset = np.abs(along * across_sun[item] - across * along_sun[item])
        canvas.sunlit.ravel()[pixel[offset <= widest[item]]] = 0.0


class Roofs(NamedTuple):
    """What roofs are like.

    Args:
        label: (n,) int64.
        pitch: (n,) float32, tangent of the slope: 0 for flat roofs.
        hipped: (n,) bool, whether the short sides slope too.
    """

    label: Ints
    pitch: Floats
    hipped: NDArray[np.bool_]


def paint_roofs(canvas: Canvas, figures: Shapes, roofs: Roofs, sun: Sun) -> None:
    """Paint roofs whose faces are lit by their slope: gables along the length, or hips."""
    towards, beside = _in_shapes(figures, sun)
    for item, pixel, along, across in _pixels(figures, canvas.side, oval=False):
        to_end = figures.a[item] - np.abs(along)
        to_eave = figures.b[item] - np.abs(across)
        on_end = roofs.hipped[item] & (to_end < to_eave)
        facing = np.where(on_end, np.sign(along) * towards[item], np.sign(across) * beside[item])
        canvas.label.ravel()[pixel] = roofs.label[item]
        canvas.sunlit.ravel()[pixel] = 1.0 + roofs.pitch[item] * sun.cotangent * facing


def _in_shapes(figures: Shapes, sun: Sun) -> tuple[Floats, Floats]:
    """Return the direction towards the sun along the length and the width of each shape."""
    cosine, sine = np.cos(figures.angle), np.sin(figures.angle)
    x, y = np.float32(sun.x), np.float32(sun.y)
    return x * cosine + y * sine, y * cosine - x * sine
