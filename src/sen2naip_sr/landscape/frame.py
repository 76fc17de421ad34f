"""A turned and gently bent coordinate system, in which fields, lots and streets are rectangles."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.landscape.painting import Canvas

_COARSE = 16


class Box(NamedTuple):
    """A rectangle in a frame: its bounds along u and v, in canvas pixels."""

    u0: float
    v0: float
    u1: float
    v1: float

    @property
    def width(self) -> float:
        """Extent along u."""
        return self.u1 - self.u0

    @property
    def height(self) -> float:
        """Extent along v."""
        return self.v1 - self.v0

    @property
    def turned(self) -> "Box":
        """The same ground in the turned frame (`Frame.turned`)."""
        return Box(self.v0, -self.u1, self.v1, -self.u0)

    def narrowed(self, by: float) -> "Box":
        """Return the box narrowed by this at both of its long sides."""
        if self.width < self.height:
            return self._replace(u0=self.u0 + by, u1=self.u1 - by)
        return self._replace(v0=self.v0 + by, v1=self.v1 - by)

    def shrunk(self, by: float) -> "Box":
        """Return the box without a border of this width."""
        return Box(self.u0 + by, self.v0 + by, self.u1 - by, self.v1 - by)


@dataclass(frozen=True)
class Frame:
    """Coordinates u, v: rotated about the middle of the canvas, then displaced by a slow wave.

    Args:
        u: (side, side) float32; ``v`` likewise.
        angle: Angle of the u axis, radians.
        amplitude: Amplitude of the displacement, canvas pixels.
        waves: (2, 3) wave vector and phase of the displacement of u and of v.
    """

    u: Array
    v: Array
    angle: float
    amplitude: float
    waves: Array

    @classmethod
    def drawn(cls, rng: np.random.Generator, side: int, angle: float, bend: float) -> "Frame":
        """Return a frame with a random displacement.

        ``angle`` is that of the u axis in radians, ``bend`` the largest slope of a street relative
        to a straight one, about 0 to 0.5.
        """
        frequency = 2 * np.pi / (side * rng.uniform(0.8, 1.8))
        heading = rng.uniform(0, 2 * np.pi, 2)
        phase = rng.uniform(0, 2 * np.pi, 2)
        waves = np.stack([frequency * np.cos(heading), frequency * np.sin(heading), phase], axis=1)
        amplitude = bend / frequency
        middle = (np.arange(side, dtype=np.float32) + np.float32(0.5 - side / 2)).astype(np.float32)
        x, y = middle[None, :], middle[:, None]
        bare = cls(x, y, angle, amplitude, waves)
        u, v = bare._from_pixels(x, y)
        return cls(u.astype(np.float32), v.astype(np.float32), angle, amplitude, waves)

    @cached_property
    def turned(self) -> "Frame":
        """The frame turned by 90 degrees: its u is this frame's v, its v this frame's -u."""
        waves = np.stack([self.waves[1], self.waves[0] + np.array([0.0, 0.0, np.pi])])
        return Frame(self.v, -self.u, self.angle + np.pi / 2, self.amplitude, waves)

    def to_pixels(self, u: Array, v: Array) -> tuple[Array, Array]:
        """Return columns and rows of points.

        The bend is undone by fixed-point iteration, which leaves an error of about
        bend^6 times the amplitude.
        """
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        x, y = cosine * u - sine * v, sine * u + cosine * v
        for _ in range(5):
            got_u, got_v = self._from_pixels(x, y)
            x, y = (
                x + cosine * (u - got_u) - sine * (v - got_v),
                y + sine * (u - got_u) + cosine * (v - got_v),
            )
        half = self._side / 2
        return (x + half).astype(np.float32), (y + half).astype(np.float32)

    def angles(self, x: Array, y: Array) -> Array:
        """Return the direction of the u axis at canvas points: along it, v does not change."""
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        kx, ky, phase = self.waves[1].tolist()
        half = self._side / 2
        slope = self.amplitude * np.cos(kx * (x - half) + ky * (y - half) + phase)
        return np.arctan2(sine - kx * slope, cosine + ky * slope).astype(np.float32)

    def whole(self) -> Box:
        """Return a box that holds the canvas."""
        reach = 0.71 * self._side + self.amplitude
        return Box(-reach, -reach, reach, reach)

    def shows(self, box: Box) -> bool:
        """Return whether a part of a box may lie on the canvas, by a coarse grid of its pixels."""
        u, v = self.u[::_COARSE, ::_COARSE], self.v[::_COARSE, ::_COARSE]
        near = box.shrunk(-float(_COARSE))
        inside = (u > near.u0) & (u < near.u1) & (v > near.v0) & (v < near.v1)
        return bool(inside.any())

    def window(self, box: Box) -> tuple[slice, slice]:
        """Return rows and columns of the canvas that enclose a box; may be empty."""
        u = np.array([box.u0, box.u1, box.u0, box.u1])
        v = np.array([box.v0, box.v0, box.v1, box.v1])
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        half = self._side / 2
        return (self._span(sine * u + cosine * v + half), self._span(cosine * u - sine * v + half))

    def _span(self, values: Array) -> slice:
        reach = 1.5 * self.amplitude + 1
        start, stop = np.clip([values.min() - reach, values.max() + reach], 0, self._side)
        return slice(int(start), int(np.ceil(stop)))

    def _from_pixels(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return u and v of points given from the middle of the canvas."""
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        (ux, uy, up), (vx, vy, vp) = self.waves.tolist()
        u = cosine * x + sine * y + self.amplitude * np.sin(ux * x + uy * y + up)
        v = cosine * y - sine * x + self.amplitude * np.sin(vx * x + vy * y + vp)
        return u, v

    @property
    def _side(self) -> int:
        return self.u.shape[-1]


def paint_box(canvas: Canvas, frame: Frame, box: Box, label: int) -> None:
    """Paint a level rectangle of a frame."""
    rows, columns, inside = _inside(frame, box)
    canvas.label[rows, columns][inside] = label
    canvas.sunlit[rows, columns][inside] = 1.0


class Rows(NamedTuple):
    """Parallel rows: label, period from row to row (canvas pixels), share of it that they cover."""

    label: int
    period: float
    share: float


def paint_rows(canvas: Canvas, frame: Frame, box: Box, rows: Rows) -> None:
    """Paint slightly irregular rows along u onto a rectangle; the space between stays as it is."""
    down, right, inside = _inside(frame, box)
    phase = frame.v[down, right] / np.float32(rows.period)
    phase += np.float32(0.08) * canvas.rough[down, right]
    inside &= phase - np.floor(phase) < rows.share
    canvas.label[down, right][inside] = rows.label


def _inside(frame: Frame, box: Box) -> tuple[slice, slice, Array]:
    rows, columns = frame.window(box)
    u, v = frame.u[rows, columns], frame.v[rows, columns]
    return rows, columns, (u >= box.u0) & (u < box.u1) & (v >= box.v0) & (v < box.v1)


def split(
    rng: np.random.Generator, box: Box, largest: float, gaps: tuple[float, ...]
) -> tuple[list[Box], list[Box]]:
    """Split a box by random guillotine cuts.

    Args:
        rng: Draws the positions of the cuts.
        box: The box to split.
        largest: Boxes are cut until their longer side is about shorter than this.
        gaps: Width of the gap of a cut, by depth; the last applies to all deeper cuts.

    Returns:
        The boxes left, and the gaps between them, outermost first.
    """
    leaves: list[Box] = []
    streets: list[Box] = []
    pending = [(box, 0)]
    while pending:
        part, depth = pending.pop(0)
        longer = max(part.width, part.height)
        if longer < largest * rng.uniform(0.8, 1.5):
            leaves.append(part)
            continue
        gap = gaps[min(depth, len(gaps) - 1)]
        at = longer * rng.uniform(0.35, 0.65)
        first, street, second = _cut(part, at, gap)
        streets.append(street)
        pending += [(first, depth + 1), (second, depth + 1)]
    return leaves, streets


def _cut(box: Box, at: float, gap: float) -> tuple[Box, Box, Box]:
    low, high = at - gap / 2, at + gap / 2
    if box.width >= box.height:
        return (
            box._replace(u1=box.u0 + low),
            box._replace(u0=box.u0 + low, u1=box.u0 + high),
            box._replace(u0=box.u0 + high),
        )
    return (
        box._replace(v1=box.v0 + low),
        box._replace(v0=box.v0 + low, v1=box.v0 + high),
        box._replace(v0=box.v0 + high),
    )
