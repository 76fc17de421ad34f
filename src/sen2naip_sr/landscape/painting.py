"""Painting of simple shapes onto a canvas: leaves, crowns, roofs, their shadows, strips and rows.

One call paints many shapes without a Python loop over them; later ones hide earlier ones.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.landscape.scanlines import Shapes, pixels_of, shapes


@dataclass(frozen=True)
class Canvas:
    """The canvas: square planes of the same side.

    Args:
        label: (side, side) int64, the label of the visible object.
        sunlit: (side, side) float32, direct sunlight: 0 in cast shadow, 1 on level ground, more
            on slopes that face the sun.
        rough: (side, side) float32, noise of unit variance that makes outlines irregular.
    """

    label: Array
    sunlit: Array
    rough: Array

    @property
    def side(self) -> int:
        """Pixels along one side."""
        return self.label.shape[0]


@dataclass(frozen=True)
class Sun:
    """The direction of sunlight: a horizontal unit vector (column, row) towards the sun.

    The cotangent is the length of the shadow of an object of unit height.
    """

    x: float
    y: float
    cotangent: float


def paint_ovals(canvas: Canvas, figures: Shapes, labels: Array, rough: float) -> None:
    """Paint n level ellipses with labels (n,), irregular by ``rough`` times their radius."""
    reach = np.float32(1.0 + 0.6 * rough)
    room = figures._replace(a=figures.a * reach, b=figures.b * reach)
    for item, pixel, along, across in pixels_of(room, canvas.side, oval=True):
        squared = (along / figures.a[item]) ** 2 + (across / figures.b[item]) ** 2
        inside = squared + rough * canvas.rough.ravel()[pixel] <= 1.0
        canvas.label.ravel()[pixel[inside]] = labels[item[inside]]
        canvas.sunlit.ravel()[pixel[inside]] = 1.0


def paint_quadrilaterals(canvas: Canvas, figures: Shapes, labels: Array, taper: Array) -> None:
    """Paint n level trapezoids with labels (n,) and tapers (n,), 0 (rectangle) to 1 (triangle)."""
    for item, pixel, along, across in pixels_of(figures, canvas.side, oval=False):
        p, q = along / figures.a[item], across / figures.b[item]
        inside = np.abs(q) + taper[item] * 0.5 * (p + 1.0) <= 1.0
        canvas.label.ravel()[pixel[inside]] = labels[item[inside]]
        canvas.sunlit.ravel()[pixel[inside]] = 1.0


def paint_crowns(canvas: Canvas, figures: Shapes, labels: Array, sun: Sun) -> None:
    """Paint n trees with labels (n,): shadows first, then domes lit from the sun's side.

    A tree is about 2.4 times as high as its crown's radius.
    """
    length = 1.5 * sun.cotangent * figures.a
    fallen = figures._replace(x=figures.x - length * sun.x, y=figures.y - length * sun.y)
    for item, pixel, along, across in pixels_of(fallen, canvas.side, oval=True):
        squared = (along / fallen.a[item]) ** 2 + (across / fallen.b[item]) ** 2
        inside = squared + 0.22 * canvas.rough.ravel()[pixel] <= 1.0
        canvas.sunlit.ravel()[pixel[inside]] = 0.0
    towards, beside = _in_shapes(figures, sun)
    for item, pixel, along, across in pixels_of(figures, canvas.side, oval=True):
        p, q = along / figures.a[item], across / figures.b[item]
        squared = p * p + q * q
        bumps = canvas.rough.ravel()[pixel]
        chosen = np.flatnonzero(squared + 0.22 * bumps <= 1.0)
        tree = item[chosen]
        height = np.sqrt(np.maximum(1.0 - squared[chosen], 0.05))
        facing = sun.cotangent * (p[chosen] * towards[tree] + q[chosen] * beside[tree])
        lit = np.clip(0.25 + 0.75 * (height + 0.8 * facing) + 0.12 * bumps[chosen], 0.0, 1.6)
        canvas.label.ravel()[pixel[chosen]] = labels[tree]
        canvas.sunlit.ravel()[pixel[chosen]] = lit


def cast_shadows(canvas: Canvas, figures: Shapes, height: Array, sun: Sun) -> None:
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
    for item, pixel, along, across in pixels_of(swept, canvas.side, oval=False):
        offset = np.abs(along * across_sun[item] - across * along_sun[item])
        canvas.sunlit.ravel()[pixel[offset <= widest[item]]] = 0.0


class Roofs(NamedTuple):
    """Properties of roofs.

    Attributes:
        label: (n,) int64.
        pitch: (n,) float32, tangent of the slope: 0 for flat roofs.
        hipped: (n,) bool, whether the short sides slope too.
    """

    label: Array
    pitch: Array
    hipped: Array


def paint_roofs(canvas: Canvas, figures: Shapes, roofs: Roofs, sun: Sun) -> None:
    """Paint roofs whose faces are lit by their slope: gables along the length, or hips."""
    towards, beside = _in_shapes(figures, sun)
    for item, pixel, along, across in pixels_of(figures, canvas.side, oval=False):
        to_end = figures.a[item] - np.abs(along)
        to_eave = figures.b[item] - np.abs(across)
        on_end = roofs.hipped[item] & (to_end < to_eave)
        facing = np.where(on_end, np.sign(along) * towards[item], np.sign(across) * beside[item])
        canvas.label.ravel()[pixel] = roofs.label[item]
        canvas.sunlit.ravel()[pixel] = 1.0 + roofs.pitch[item] * sun.cotangent * facing


def _in_shapes(figures: Shapes, sun: Sun) -> tuple[Array, Array]:
    """Return the direction towards the sun along the length and the width of each shape."""
    cosine, sine = np.cos(figures.angle), np.sin(figures.angle)
    towards, beside = sun.x * cosine + sun.y * sine, sun.y * cosine - sun.x * sine
    return towards.astype(np.float32), beside.astype(np.float32)
