"""A landscape while it is painted, and the small objects that all land covers share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sen2naip_sr.arrays import Array
from sen2naip_sr.landscape.frame import Box, Frame, paint_box
from sen2naip_sr.landscape.materials import Mix, Palette
from sen2naip_sr.landscape.painting import (
    Canvas,
    Sun,
    paint_crowns,
    paint_ovals,
    paint_quadrilaterals,
)
from sen2naip_sr.landscape.scanlines import Shapes, shapes

_SMALLEST = 3.0
"""Radius of the smallest leaf in canvas pixels: 1.5 pixels of the final image."""
_LARGE = 16.0
"""Leaves of at least this radius, in canvas pixels, are painted before all others."""


@dataclass(frozen=True)
class Scene:
    """Everything that painting a land cover needs.

    Args:
        rng: The random generator of the landscape.
        canvas: The canvas.
        frame: The frame; streets and fields run along its u and v.
        palette: Assigns labels.
        sun: Direction of the light.
        unit: Canvas pixels per metre.
        trees: Materials of crowns.
        yards: Materials of gardens.
        roofs: Materials of pitched roofs.
        ground: Materials of open ground.
    """

    rng: np.random.Generator
    canvas: Canvas
    frame: Frame
    palette: Palette
    sun: Sun
    unit: float
    trees: Mix
    yards: Mix
    roofs: Mix
    ground: Mix

    def metres(self, low: float, high: float) -> float:
        """Return a random length in canvas pixels."""
        return self.unit * self.rng.uniform(low, high)

    def label(self, mix: Mix) -> int:
        """Return a new label of a material drawn from a mix."""
        return int(self.palette.mixed(mix, 1)[0])

    def fill(self, box: Box, mix: Mix) -> None:
        """Paint a box in one material drawn from a mix."""
        paint_box(self.canvas, self.frame, box, self.label(mix))


@dataclass(frozen=True)
class Spots:
    """Points of a frame, each with its own axes: the frame's, or those turned by 90 degrees.

    Args:
        frame: The frame.
        u: (n,) float32.
        v: (n,) float32.
        turned: (n,) bool, whether a point's first axis is the frame's v (its second is then -u).
    """

    frame: Frame
    u: Array
    v: Array
    turned: Array

    def __len__(self) -> int:
        return len(self.u)

    def take(self, keep: Array) -> "Spots":
        """Return the chosen points."""
        return Spots(self.frame, self.u[keep], self.v[keep], self.turned[keep])

    def moved(self, along: ArrayLike, across: ArrayLike) -> "Spots":
        """Return the points displaced along their own axes."""
        u = self.u + np.where(self.turned, -np.asarray(across), along)
        v = self.v + np.where(self.turned, along, across)
        return Spots(self.frame, u.astype(np.float32), v.astype(np.float32), self.turned)

    def shapes(self, a: ArrayLike, b: ArrayLike) -> Shapes:
        """Return shapes with these half lengths along the points' own axes."""
        x, y = self.frame.to_pixels(self.u, self.v)
        quarter = np.where(self.turned, np.float32(np.pi / 2), np.float32(0))
        return shapes(x, y, a, b, self.frame.angles(x, y) + quarter)

    def near_canvas(self, side: int, reach: float) -> Array:
        """Return which points are on the canvas, or at most ``reach`` away from it."""
        x, y = self.frame.to_pixels(self.u, self.v)
        low, high = -reach, side + reach
        return (x > low) & (x < high) & (y > low) & (y < high)


def joined(parts: Sequence[Spots], frame: Frame) -> Spots:
    """Return the points of all parts, in their order."""
    none = np.zeros(0, np.float32)
    return Spots(
        frame,
        np.concatenate([none, *(part.u for part in parts)]),
        np.concatenate([none, *(part.v for part in parts)]),
        np.concatenate([none.astype(bool), *(part.turned for part in parts)]),
    )


def random_spots(scene: Scene, boxes: Sequence[Box], density: ArrayLike) -> tuple[Spots, Array]:
    """Draw points evenly from boxes, and return them and the index of each one's box.

    ``density`` is the number of points expected per square canvas pixel, of all boxes or of each.
    """
    corners = np.array(boxes, np.float64).reshape(-1, 4)
    extent = np.maximum(corners[:, 2:] - corners[:, :2], 0.0)
    counts = scene.rng.poisson(extent.prod(axis=1) * density)
    owner = np.repeat(np.arange(len(boxes)), counts)
    points = corners[owner, :2] + extent[owner] * scene.rng.random((len(owner), 2))
    u, v = points.astype(np.float32).T
    return Spots(scene.frame, u, v, np.zeros(len(owner), bool)), owner


def lattice(frame: Frame, box: Box, du: float, dv: float, *, turned: bool = False) -> Spots:
    """Return the points of a regular lattice that fills a box; ``turned`` applies to their axes."""
    if turned:
        du, dv = dv, du
    u = np.arange(box.u0 + du / 2, box.u1 - du / 4, du, dtype=np.float32)
    v = np.arange(box.v0 + dv / 2, box.v1 - dv / 4, dv, dtype=np.float32)
    grid_u, grid_v = np.meshgrid(u, v)
    return Spots(frame, grid_u.ravel(), grid_v.ravel(), np.full(grid_u.size, turned))


def plant(scene: Scene, spots: Spots, smallest: ArrayLike, largest: ArrayLike) -> None:
    """Paint trees at points, with crown radii between two bounds in canvas pixels."""
    count = len(spots)
    share = scene.rng.beta(1.4, 2.2, count)
    radius = np.asarray(smallest) * (1 - share) + np.asarray(largest) * share
    seen = spots.near_canvas(scene.canvas.side, 4 * float(np.max(largest, initial=0.0)))
    spots, radius, count = spots.take(seen), radius[seen], int(seen.sum())
    crowns = spots.shapes(1.1 * radius, 1.1 * radius * scene.rng.uniform(0.8, 1.0, count))
    turn = scene.rng.uniform(0, np.pi, count).astype(np.float32)
    labels = scene.palette.mixed(scene.trees, count)
    paint_crowns(scene.canvas, crowns._replace(angle=crowns.angle + turn), labels, scene.sun)


def scatter_trees(
    scene: Scene, boxes: Sequence[Box], density: ArrayLike, radii: tuple[float, float]
) -> None:
    """Plant trees at random.

    ``density`` is in trees per 1000 square metres, of all boxes or of each; ``radii`` are the
    smallest and the largest crown radius in metres.
    """
    spots, _ = random_spots(scene, boxes, np.asarray(density) / (1000 * scene.unit**2))
    plant(scene, spots, radii[0] * scene.unit, radii[1] * scene.unit)


def power_law(rng: np.random.Generator, smallest: float, largest: Array) -> Array:
    """Draw radii with a density that falls as r^-3, by inverting its distribution.

    A dead-leaves image with these radii is scale-invariant, as natural images are (Lee, Mumford and
    Huang 2001, "Occlusion models for natural images"). Each of the n has its own largest radius.
    """
    kept = 1.0 - (smallest / largest) ** 2
    return (smallest / np.sqrt(1.0 - kept * rng.random(len(largest)))).astype(np.float32)


def scatter_leaves(
    scene: Scene, spots: Spots, mix: Mix, largest: Array, near: Array | None = None
) -> None:
    """Paint level patches of power-law sizes, rounded or with four straight sides.

    The largest radius of each is (n,), in canvas pixels. The patches' colours are mixed with those
    of the labels ``near``, (n,), if there are any.
    """
    rng, count = scene.rng, len(spots)
    radius = power_law(rng, _SMALLEST, largest)
    aspect = np.sqrt(rng.uniform(0.3, 1.0, count))
    figures = spots.shapes(radius / aspect, radius * aspect)
    straight = rng.random(count) < (0.5 if near is None else 0.15)
    free = ~straight | (rng.random(count) < 0.5)
    turn = np.where(free, rng.uniform(0, np.pi, count), 0.0).astype(np.float32)
    figures = figures._replace(angle=figures.angle + turn)
    labels = scene.palette.mixed(mix, count, near=near)
    taper = np.where(free, rng.uniform(0, 1, count), 0.0).astype(np.float32)
    # large before small, so that no leaf is hidden by a larger one
    order = np.argsort(-radius, kind="stable")
    for group in np.split(order, [int((radius >= _LARGE).sum())]):
        angular, rounded = group[straight[group]], group[~straight[group]]
        paint_quadrilaterals(scene.canvas, figures.take(angular), labels[angular], taper[angular])
        paint_ovals(scene.canvas, figures.take(rounded), labels[rounded], 0.4)


def paint_patchy(
    scene: Scene, boxes: Sequence[Box], mix: Mix, coverage: float, *, alike: bool = False
) -> None:
    """Paint each box in one material of a mix, with patches mixed from the others.

    Radii of patches range from 1.5 pixels of the image to a quarter of the box's shorter side.
    ``coverage`` is the area of the patches relative to the boxes. If ``alike``, all boxes have the
    same ground.
    """
    bases = scene.palette.mixed(mix, len(boxes))
    if alike:
        bases[:] = bases[0]
    for box, base in zip(boxes, bases.tolist(), strict=True):
        paint_box(scene.canvas, scene.frame, box, base)
    shorter = np.array([min(box.width, box.height) for box in boxes], np.float32)
    largest = np.clip(0.25 * shorter, 4.0, scene.canvas.side / 3)
    mean_area = 2 * np.pi * _SMALLEST**2 * np.log(largest / _SMALLEST)
    spots, owner = random_spots(scene, boxes, coverage / mean_area)
    seen = spots.near_canvas(scene.canvas.side, _LARGE)
    owner = owner[seen]
    scatter_leaves(scene, spots.take(seen), mix, largest[owner], near=bases[owner])
