"""What stands on a block of land: houses, halls, crops, orchards, woods, scrub or water.

Lengths are in units of about a metre, turned into canvas pixels by the scene's ``unit``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sen2naip_sr.sources.frame import Box, Frame, lattice, paint_box, paint_rows
from sen2naip_sr.sources.materials import Floats, Mix, Palette
from sen2naip_sr.sources.painting import (
    Canvas,
    Sun,
    cast_shadows,
    paint_crowns,
    paint_leaves,
    paint_roofs,
    shapes,
)

CARS: Mix = (("white_car", 4), ("grey_car", 4), ("dark_car", 3), ("red_car", 1))
PITCHED: Mix = (
    ("grey_roof", 3),
    ("dark_roof", 3),
    ("brown_roof", 4),
    ("tile_roof", 2),
    ("white_roof", 0.5),
)
FLAT: Mix = (("white_roof", 4), ("grey_roof", 3), ("metal_roof", 1), ("brown_roof", 1))
TREES: Mix = (("canopy", 1),)


@dataclass(frozen=True)
class Scene:
    """All that a block needs to be painted.

    Args:
        rng: The one generator of the landscape.
        canvas: What is painted on.
        palette: Where labels come from.
        sun: Where the light comes from.
        unit: Canvas pixels for a length of 1.
        yards: Materials of gardens.
        trees: Materials of crowns.
        roofs: Materials of pitched roofs.
    """

    rng: np.random.Generator
    canvas: Canvas
    palette: Palette
    sun: Sun
    unit: float
    yards: Mix
    trees: Mix = TREES
    roofs: Mix = PITCHED

    def uniform(self, low: float, high: float) -> float:
        """Return a random length in canvas pixels, bounds in units."""
        return self.unit * self.rng.uniform(low, high)


def plant(scene: Scene, frame: Frame, u: Floats, v: Floats, radius: Floats) -> None:
    """Paint trees at points of a frame; those outside the canvas are left out."""
    x, y = frame.to_pixels(u, v)
    side = scene.canvas.side
    seen = (x > -radius) & (x < side + radius) & (y > -radius) & (y < side + radius)
    x, y, radius = x[seen], y[seen], radius[seen]
    if len(x) == 0:
        return
    stretch = scene.rng.uniform(0.8, 1.0, len(x))
    angle = scene.rng.uniform(0, np.pi, len(x))
    crowns = shapes(x, y, 1.12 * radius, 1.12 * radius * stretch, angle)
    paint_crowns(scene.canvas, crowns, scene.palette.mixed(scene.trees, len(x)), scene.sun)


def scatter_trees(scene: Scene, frame: Frame, box: Box, per_area: float, largest: float) -> None:
    """Plant trees at random points, ``per_area`` of them on 1000 square units."""
    area = box.width * box.height / scene.unit**2
    count = scene.rng.poisson(max(area, 0.0) * per_area / 1000)
    u, v = _random_points(scene.rng, box, count)
    plant(scene, frame, u, v, scene.unit * _tree_radii(scene.rng, count, 1.2, largest))


def park_cars(scene: Scene, frame: Frame, box: Box, filled: float) -> None:
    """Paint rows of parked cars across v, a share of the places being ``filled``."""
    u, v = lattice(box, 3.0 * scene.unit, 9.0 * scene.unit)
    taken = scene.rng.random(len(u)) < filled
    u, v = u[taken], v[taken]
    if len(u) == 0:
        return
    length, width = scene.rng.uniform(2.1, 2.7, len(u)), scene.rng.uniform(0.9, 1.1, len(u))
    _boxes(scene, frame, u, v, width * scene.unit, length * scene.unit, 1.5, CARS, pitch=0.0)


def houses(scene: Scene, frame: Frame, box: Box) -> None:
    """Two rows of lots back to back: yards, drives, houses with wings, pools and trees."""
    rng, unit = scene.rng, scene.unit
    along_u = box.width >= box.height
    frame, box = (frame, box) if along_u else (_turned(frame), _turned_box(box))
    lot = scene.uniform(14, 21)
    depth = box.height / 2
    if depth < 12 * unit or box.width < lot:
        garden(scene, frame, box)
        return
    u, v = lattice(box, box.width / max(1, round(box.width / lot)), depth)
    keep = _on_canvas(scene, frame, u, v)
    u, v = u[keep], v[keep]
    count = len(u)
    if count == 0:
        return
    lot = box.width / max(1, round(box.width / lot))
    front = np.where(v < (box.v0 + box.v1) / 2, -1.0, 1.0)
    _flat(scene, frame, u, v, lot / 2 - 0.3 * unit, depth / 2 - 0.2 * unit, scene.yards)
    drive_u = u + front * lot * rng.uniform(0.24, 0.34)
    paved = (("concrete", 3.0), ("asphalt", 1.0), ("gravel", 1.0))
    _flat(scene, frame, drive_u, v + front * depth * 0.3, 1.6 * unit, depth * 0.21, paved)
    _garden_clutter(scene, frame, u, v - front * depth * 0.28, lot, depth)
    _dwellings(scene, frame, u, v + front * depth * 0.1, lot, depth, front)
    trees = rng.poisson(1.6, count)
    tree_u = np.repeat(u, trees) + lot * rng.uniform(-0.5, 0.5, trees.sum())
    shift = np.repeat(front, trees) * depth * rng.choice([-0.4, -0.25, 0.42], trees.sum())
    radius = unit * _tree_radii(rng, int(trees.sum()), 1.2, 5.0)
    plant(scene, frame, _f32(tree_u), _f32(np.repeat(v, trees) + shift), radius)


def halls(scene: Scene, frame: Frame, box: Box) -> None:
    """Large flat roofs with fittings on paved ground, parked cars and a few trees."""
    rng, unit = scene.rng, scene.unit
    ground = ("asphalt", "dark_asphalt", "concrete", "asphalt")[rng.integers(4)]
    paint_box(scene.canvas, frame, box, scene.palette.one(ground))
    largest = scene.uniform(35, 90)
    plots, _ = split(rng, box.shrunk(3 * unit), largest, (scene.uniform(6, 16),))
    for plot in plots:
        if min(plot.width, plot.height) < 8 * unit:
            continue
        if rng.random() < 0.35:
            park_cars(scene, frame, plot, rng.uniform(0.2, 0.9))
            continue
        _hall(scene, frame, plot.shrunk(scene.uniform(0.5, 3)))
    scatter_trees(scene, frame, box, 0.6, 4.0)


def crops(scene: Scene, frame: Frame, box: Box) -> None:
    """A field in rows, along or across."""
    rng, palette = scene.rng, scene.palette
    soils = (("soil", 2.0), ("dark_soil", 2.0), ("young_crop", 1.0), ("dry_grass", 1.0))
    paint_box(scene.canvas, frame, box, int(palette.mixed(soils, 1)[0]))
    plants = (("crop", 3.0), ("young_crop", 2.0), ("meadow", 1.0), ("soil", 1.0), ("dark_soil", 1.0))
    turned = rng.random() < 0.4
    along = _turned(frame) if turned else frame
    within = _turned_box(box) if turned else box
    label = int(palette.mixed(plants, 1)[0])
    paint_rows(scene.canvas, along, within, label, 2 * rng.uniform(3, 8), rng.uniform(0.35, 0.8))
    if rng.random() < 0.4:
        _wheel_tracks(scene, along, within)


def meadow(scene: Scene, frame: Frame, box: Box) -> None:
    """Grass or bare ground without rows, with a few shrubs."""
    kinds = (("meadow", 3.0), ("dry_grass", 3.0), ("soil", 2.0), ("lawn", 1.0), ("dark_soil", 1.0))
    paint_box(scene.canvas, frame, box, int(scene.palette.mixed(kinds, 1)[0]))
    _patches(scene, frame, box, kinds, 0.8)
    scatter_trees(scene, frame, box, 0.5, 4.0)


def garden(scene: Scene, frame: Frame, box: Box) -> None:
    """A park: lawn, paths, ponds and many trees."""
    paint_box(scene.canvas, frame, box, scene.palette.one("lawn"))
    _patches(scene, frame, box, (("lawn", 3.0), ("meadow", 2.0), ("dry_grass", 2.0), ("soil", 1.0)), 2)
    at = box.v0 + box.height * scene.rng.uniform(0.2, 0.8)
    path = box._replace(v0=at, v1=at + scene.uniform(1.5, 3))
    paint_box(scene.canvas, frame, path, scene.palette.one("concrete"))
    scatter_trees(scene, frame, box, 5.0, 6.0)


def orchard(scene: Scene, frame: Frame, box: Box) -> None:
    """Trees of one age on a lattice over soil or grass."""
    ground: Mix = (("soil", 2), ("dark_soil", 1), ("dry_grass", 2), ("meadow", 1))
    paint_box(scene.canvas, frame, box, int(scene.palette.mixed(ground, 1)[0]))
    radius = max(scene.uniform(1.6, 3.2), 2.4)
    spacing = radius * scene.rng.uniform(2.1, 3.0)
    u, v = lattice(box, spacing, spacing * scene.rng.uniform(0.95, 1.3))
    standing = scene.rng.random(len(u)) < 0.95
    u, v = u[standing], v[standing]
    u = u + _f32(0.08 * spacing * scene.rng.standard_normal(len(u)))
    plant(scene, frame, u, v, _f32(radius * scene.rng.uniform(0.75, 1.1, len(u))))


def wood(scene: Scene, frame: Frame, box: Box) -> None:
    """A closed canopy of crowns of many sizes."""
    paint_box(scene.canvas, frame, box, scene.palette.one("understorey"))
    spacing = max(scene.uniform(3.2, 5.5), 6.0)
    u, v = lattice(box, spacing, spacing)
    standing = scene.rng.random(len(u)) < scene.rng.uniform(0.6, 0.98)
    u, v = u[standing], v[standing]
    count = len(u)
    u, v = (c + _f32(0.3 * spacing * scene.rng.standard_normal(count)) for c in (u, v))
    plant(scene, frame, u, v, _f32(spacing * scene.rng.uniform(0.45, 0.85, count)))


def scrub(scene: Scene, frame: Frame, box: Box) -> None:
    """Dry open ground as the canvas has it, dotted with shrubs and rocks."""
    _patches(scene, frame, box, (("sand", 2.0), ("soil", 3.0), ("rock", 2.0), ("shrub", 2.0)), 3)
    dry = Scene(**{**scene.__dict__, "trees": (("shrub", 4), ("canopy", 1))})
    scatter_trees(dry, frame, box, scene.rng.uniform(4, 14), 2.6)


def basin(scene: Scene, frame: Frame, box: Box) -> None:
    """A pond with banks of gravel."""
    paint_box(scene.canvas, frame, box, scene.palette.one("gravel"))
    water: Mix = (("water", 2), ("green_water", 1))
    label = int(scene.palette.mixed(water, 1)[0])
    paint_box(scene.canvas, frame, box.shrunk(scene.uniform(2, 6)), label)


def untouched(scene: Scene, frame: Frame, box: Box) -> None:
    """The ground as it is, with trees."""
    scatter_trees(scene, frame, box, scene.rng.uniform(0.5, 4), 5.0)


COVERS: dict[str, Callable[[Scene, Frame, Box], None]] = {
    "houses": houses,
    "halls": halls,
    "crops": crops,
    "meadow": meadow,
    "garden": garden,
    "orchard": orchard,
    "wood": wood,
    "scrub": scrub,
    "basin": basin,
    "untouched": untouched,
}
"""Land covers by name."""


def _f32(values: NDArray[np.float64]) -> Floats:
    return values.astype(np.float32)


def _random_points(rng: np.random.Generator, box: Box, count: int) -> tuple[Floats, Floats]:
    return _f32(rng.uniform(box.u0, box.u1, count)), _f32(rng.uniform(box.v0, box.v1, count))


def _tree_radii(rng: np.random.Generator, count: int, least: float, largest: float) -> Floats:
    return _f32(least + (largest - least) * rng.beta(1.4, 2.2, count))


def _turned(frame: Frame) -> Frame:
    """Return the frame with u and v exchanged (v negated, so that it stays right-handed)."""
    return frame.turned()


def _turned_box(box: Box) -> Box:
    return Box(box.v0, -box.u1, box.v1, -box.u0)
