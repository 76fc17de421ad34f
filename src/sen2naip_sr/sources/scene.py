"""A landscape in the making, and the small things that all land covers are strewn with."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sen2naip_sr.sources.frame import Box, Frame, paint_box
from sen2naip_sr.sources.materials import Floats, Mix, Palette
from sen2naip_sr.sources.painting import (
    Canvas,
    Shapes,
    Sun,
    paint_crowns,
    paint_ovals,
    paint_quadrilaterals,
    shapes,
)

_LARGE = 16.0


@dataclass(frozen=True)
class Scene:
    """All that a block needs to be painted.

    Args:
        rng: The one generator of the landscape.
        canvas: What is painted on.
        palette: Where labels come from.
        sun: Where the light comes from.
        unit: Canvas pixels for a metre of a built object.
        trees: Materials of crowns.
        yards: Materials of gardens.
        roofs: Materials of pitched roofs.
        ground: Materials of open ground.
    """

    rng: np.random.Generator
    canvas: Canvas
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


@dataclass(frozen=True)
class Spots:
    """Points of a frame, (n,) u and v."""

    frame: Frame
    u: Floats
    v: Floats

    def __len__(self) -> int:
        return len(self.u)

    def take(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "Spots":
        """Return the chosen points."""
        return Spots(self.frame, self.u[keep], self.v[keep])

    def moved(self, du: object, dv: object) -> "Spots":
        """Return the points displaced."""
        u, v = np.add(self.u, du, dtype=np.float32), np.add(self.v, dv, dtype=np.float32)
        return Spots(self.frame, u, v)

    def shapes(self, a: object, b: object) -> Shapes:
        """Return shapes of these half lengths along u and half widths along v at the points."""
        x, y = self.frame.to_pixels(self.u, self.v)
        return shapes(x, y, a, b, self.frame.angles(x, y))

    def visible(self, side: int, reach: float) -> "Spots":
        """Return the points that are on the canvas, or at most ``reach`` away from it."""
        x, y = self.frame.to_pixels(self.u, self.v)
        low, high = -reach, side + reach
        return self.take((x > low) & (x < high) & (y > low) & (y < high))


def random_spots(rng: np.random.Generator, frame: Frame, box: Box, count: int) -> Spots:
    """Return points drawn evenly from a box."""
    u, v = rng.uniform(box.u0, box.u1, count), rng.uniform(box.v0, box.v1, count)
    return Spots(frame, u.astype(np.float32), v.astype(np.float32))


def lattice(frame: Frame, box: Box, du: float, dv: float) -> Spots:
    """Return the points of a regular lattice that fills a box."""
    u = np.arange(box.u0 + du / 2, box.u1 - du / 4, du, np.float32)
    v = np.arange(box.v0 + dv / 2, box.v1 - dv / 4, dv, np.float32)
    grid_u, grid_v = np.meshgrid(u, v)
    return Spots(frame, grid_u.ravel(), grid_v.ravel())


def plant(scene: Scene, spots: Spots, smallest: float, largest: float) -> None:
    """Paint trees at points, with crown radii between two bounds in canvas pixels."""
    spots = spots.visible(scene.canvas.side, largest)
    count = len(spots)
    if count == 0:
        return
    radius = smallest + (largest - smallest) * scene.rng.beta(1.4, 2.2, count)
    crowns = spots.shapes(1.1 * radius, 1.1 * radius * scene.rng.uniform(0.8, 1.0, count))
    turned = crowns.angle + scene.rng.uniform(0, np.pi, count).astype(np.float32)
    labels = scene.palette.mixed(scene.trees, count)
    paint_crowns(scene.canvas, crowns._replace(angle=turned), labels, scene.sun)


def scatter_trees(
    scene: Scene, frame: Frame, box: Box, density: float, radii: tuple[float, float]
) -> None:
    """Plant trees at random.

    Args:
        scene: What is painted.
        frame: Of the box.
        box: Where.
        density: Trees on 1000 square metres.
        radii: Smallest and largest crown radius in metres.
    """
    area = box.width * box.height / scene.unit**2
    spots = random_spots(scene.rng, frame, box, int(scene.rng.poisson(area * density / 1000)))
    plant(scene, spots, radii[0] * scene.unit, radii[1] * scene.unit)


def power_law(
    rng: np.random.Generator, count: int, smallest: float, largest: float
) -> NDArray[np.float64]:
    """Draw radii with a density that falls as r^-3, by the inverse of its distribution.

    With it a dead-leaves picture looks alike at all scales, as natural ones do (Lee, Mumford and
    Huang 2001, "Occlusion models for natural images", section 3).
    """
    kept = 1.0 - (smallest / largest) ** 2
    return smallest / np.sqrt(1.0 - kept * rng.random(count))


def scatter_leaves(
    scene: Scene, spots: Spots, mix: Mix, radii: tuple[float, float], near: int | None = None
) -> None:
    """Paint level patches of power-law sizes.

    Args:
        scene: What is painted.
        spots: Where.
        mix: Materials.
        radii: Smallest and largest radius in canvas pixels.
        near: Label whose colour the patches' colours are drawn towards.
    """
    spots = spots.visible(scene.canvas.side, radii[0])
    count = len(spots)
    if count == 0:
        return
    rng = scene.rng
    radius = power_law(rng, count, *radii)
    aspect = np.sqrt(rng.uniform(0.3, 1.0, count))
    figures = spots.shapes(radius / aspect, radius * aspect)
    straight = rng.random(count) < (0.5 if near is None else 0.15)
    free = ~straight | (rng.random(count) < 0.5)
    turn = np.where(free, rng.uniform(0, np.pi, count), 0.0).astype(np.float32)
    figures = figures._replace(angle=figures.angle + turn)
    labels = scene.palette.mixed(mix, count, near=near)
    taper = np.where(free, rng.uniform(0, 1, count), 0.0).astype(np.float32)
    # Large before small, so that no leaf is painted only to be buried by a larger one.
    order = np.argsort(-radius, kind="stable")
    for group in np.split(order, [int((radius >= _LARGE).sum())]):
        angular, rounded = group[straight[group]], group[~straight[group]]
        paint_quadrilaterals(
            scene.canvas, figures.take(angular), labels[angular], taper[angular]
        )
        paint_ovals(scene.canvas, figures.take(rounded), labels[rounded], 0.4)


def paint_patchy(scene: Scene, frame: Frame, box: Box, mix: Mix, coverage: float) -> int:
    """Paint a box in one material of a mix, with patches that lean towards the others.

    Args:
        scene: What is painted.
        frame: Of the box.
        box: What is covered.
        mix: Materials.
        coverage: Area of the patches relative to the box.

    Returns:
        The label of the ground between the patches.
    """
    base = scene.label(mix)
    paint_box(scene.canvas, frame, box, base)
    smallest, largest = 3.0, max(0.25 * min(box.width, box.height), 4.0)
    mean_area = 2 * np.pi * smallest**2 * np.log(largest / smallest)
    count = int(scene.rng.poisson(max(coverage * box.width * box.height / mean_area, 0.0)))
    spots = random_spots(scene.rng, frame, box, count)
    scatter_leaves(scene, spots, mix, (smallest, largest), near=base)
    return base
