"""Built-up land: houses on their lots, large halls, parked cars."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.landscape.frame import Box, split
from sen2naip_sr.landscape.materials import Mix
from sen2naip_sr.landscape.painting import Roofs, cast_shadows, paint_quadrilaterals, paint_roofs
from sen2naip_sr.landscape.scanlines import Shapes
from sen2naip_sr.landscape.scene import (
    Scene,
    Spots,
    joined,
    lattice,
    plant,
    random_spots,
    scatter_leaves,
    scatter_trees,
)

_CARS: Mix = (("white_car", 4), ("grey_car", 4), ("dark_car", 3), ("red_car", 1))
_PAVED: Mix = (("concrete", 3), ("asphalt", 1), ("gravel", 1))
_LOTS: Mix = (("asphalt", 3), ("dark_asphalt", 2), ("concrete", 2), ("gravel", 1))
_FLAT_ROOFS: Mix = (("white_roof", 4), ("grey_roof", 3), ("metal_roof", 0.6), ("brown_roof", 1))
_FITTINGS: Mix = (("white_roof", 3), ("grey_roof", 3), ("dark_roof", 1), ("solar_panel", 0.7))
_IN_GARDENS: Mix = (
    ("shrub", 4),
    ("lawn", 3),
    ("canopy", 3),
    ("soil", 2),
    ("concrete", 2),
    ("paint", 1),
    ("brown_roof", 1),
    ("dark_car", 1),
)


class _Lots(NamedTuple):
    """Building lots: centres whose first axis runs along the street, sizes and sides (n,).

    ``front`` is the sign of the second axis on which the street lies.
    """

    spots: Spots
    width: Array
    depth: Array
    front: Array


def houses(scene: Scene, boxes: Sequence[Box]) -> None:
    """Two rows of lots back to back: gardens, drives, houses with wings, pools and trees."""
    lots = _divide(scene, boxes)
    spots, width, depth, front = lots
    count, rng, unit = len(spots), scene.rng, scene.unit
    fence = 0.3 * unit
    _paint_level(scene, spots.shapes(width / 2 - fence, depth / 2 - fence), scene.yards)
    drives = spots.moved(width * 0.3 * front, 0.32 * depth * front)
    _paint_level(scene, drives.shapes(rng.uniform(1.3, 2.6, count) * unit, 0.18 * depth), _PAVED)
    _fill_gardens(scene, lots)
    _dwell(scene, lots)
    parked = drives.take(rng.random(count) < 0.4)
    _paint_cars(scene, parked.shapes(0.95 * unit, 2.3 * unit))
    around = np.repeat(np.arange(count), rng.poisson(rng.uniform(0.3, 2.2), count))
    sideways = width[around] * rng.uniform(-0.5, 0.5, len(around))
    outwards = rng.choice([-0.42, -0.3, -0.2, 0.45], len(around)) * depth[around] * front[around]
    plant(scene, spots.take(around).moved(sideways, outwards), 1.2 * unit, 4.8 * unit)


def halls(scene: Scene, boxes: Sequence[Box]) -> None:
    """Large flat roofs with fittings on paved ground, parked cars and a few trees."""
    buildings: list[Box] = []
    parks: list[Box] = []
    for box in boxes:
        scene.fill(box, _LOTS)
        yard = scene.metres(5, 12)
        plots, _ = split(scene.rng, box.shrunk(0.3 * yard), scene.metres(30, 80), (yard,))
        for plot in plots:
            (parks if scene.rng.random() < 0.3 else buildings).append(plot)
    _paint_parked(scene, parks)
    _paint_halls(scene, [plot for plot in buildings if min(plot.width, plot.height) > 0])
    scatter_trees(scene, boxes, 0.8, (1.5, 4.0))


def street_cars(scene: Scene, streets: Sequence[Box]) -> None:
    """Paint cars that stand or drive along both sides of streets."""
    unit = scene.unit
    lanes = [
        lattice(scene.frame, box, 14 * unit, short / 2, turned=box.width < box.height)
        for box in streets
        if (short := min(box.width, box.height)) > 0
    ]
    places = joined(lanes, scene.frame)
    seen = places.near_canvas(scene.canvas.side, 6 * unit)
    taken = places.take(seen & (scene.rng.random(len(places)) < 0.35))
    shift = 4 * unit * scene.rng.uniform(-1, 1, len(taken))
    half = scene.rng.uniform(1.9, 2.6, len(taken)) * unit
    _paint_cars(scene, taken.moved(shift, 0.0).shapes(half, 0.95 * unit))


def _divide(scene: Scene, boxes: Sequence[Box]) -> _Lots:
    """Divide blocks into two rows of lots along their longer sides; keep the visible ones."""
    parts, sizes = [], []
    for box in boxes:
        turned = box.width < box.height
        longer, shorter = max(box.width, box.height), min(box.width, box.height)
        width = longer / max(1, round(longer / scene.metres(14, 22)))
        part = lattice(scene.frame, box, width, shorter / 2, turned=turned)
        across = (box.u0 + box.u1) / 2 - part.u if turned else part.v - (box.v0 + box.v1) / 2
        parts.append(part)
        same = np.ones(len(part))
        sizes.append(np.stack([width * same, shorter / 2 * same, np.sign(across)]))
    spots = joined(parts, scene.frame)
    width, depth, front = np.concatenate([np.zeros((3, 0)), *sizes], axis=1)
    seen = spots.near_canvas(scene.canvas.side, float(np.max(depth, initial=0.0)))
    return _Lots(spots.take(seen), width[seen], depth[seen], front[seen])


def _paint_level(scene: Scene, figures: Shapes, mix: Mix) -> None:
    count = len(figures.x)
    labels = scene.palette.mixed(mix, count)
    paint_quadrilaterals(scene.canvas, figures, labels, np.zeros(count, np.float32))


def _paint_cars(scene: Scene, figures: Shapes) -> None:
    _build(scene, figures, _CARS, np.full(len(figures.x), 1.5))


def _build(scene: Scene, figures: Shapes, mix: Mix, height: Array) -> None:
    """Paint flat-roofed boxes of heights in metres with their shadows."""
    count = len(figures.x)
    cast_shadows(scene.canvas, figures, (height * scene.unit).astype(np.float32), scene.sun)
    level = np.zeros(count, np.float32)
    roofs = Roofs(scene.palette.mixed(mix, count), level, level.astype(bool))
    paint_roofs(scene.canvas, figures, roofs, scene.sun)


def _dwell(scene: Scene, lots: _Lots) -> None:
    """Paint a house on each lot and a wing at right angles to most of them."""
    rng, count = scene.rng, len(lots.spots)
    spots = lots.spots.moved(0.0, 0.1 * lots.depth * lots.front)
    half = lots.width * rng.uniform(0.3, 0.44, count)
    deep = np.minimum(lots.depth * rng.uniform(0.14, 0.24, count), 0.9 * half)
    winged = np.flatnonzero(rng.random(count) < 0.6)
    beside, outwards = rng.choice([-0.5, 0.5], count) * half, rng.choice([-1, 1], count) * deep
    main = spots.shapes(half, deep)
    wings = (
        spots.moved(beside, outwards).take(winged).shapes(0.9 * deep[winged], 0.42 * half[winged])
    )
    # a ridge runs along the first axis: the wing's is at right angles to the house's
    wings = wings._replace(angle=wings.angle + np.float32(np.pi / 2))
    figures = Shapes(*(np.concatenate(pair) for pair in zip(main, wings, strict=True)))
    owner = np.concatenate([np.arange(count), winged])
    height = (rng.uniform(3, 6.5, count) * scene.unit).astype(np.float32)
    cast_shadows(scene.canvas, figures, height[owner], scene.sun)
    pitch, hipped = rng.uniform(0.2, 0.6, count).astype(np.float32), rng.random(count) < 0.5
    kinds = scene.palette.mixed(scene.roofs, count)
    roofs = Roofs(kinds[owner], pitch[owner], hipped[owner])
    paint_roofs(scene.canvas, figures, roofs, scene.sun)
    solar = np.flatnonzero(rng.random(count) < 0.12)
    panels = spots.take(solar).moved(0.0, 0.45 * deep[solar])
    _paint_level(scene, panels.shapes(0.4 * half[solar], 0.28 * deep[solar]), (("solar_panel", 1),))


def _fill_gardens(scene: Scene, lots: _Lots) -> None:
    """Fill back gardens with beds, sheds and pools."""
    rng, unit = scene.rng, scene.unit
    backs = lots.spots.moved(0.0, -0.28 * lots.depth * lots.front)
    many = np.repeat(np.arange(len(backs)), rng.poisson(4, len(backs)))
    sideways = lots.width[many] * rng.uniform(-0.45, 0.45, len(many))
    outwards = lots.depth[many] * rng.uniform(-0.18, 0.6, len(many)) * lots.front[many]
    largest = np.full(len(many), max(3.5 * unit, 4.0), np.float32)
    scatter_leaves(scene, backs.take(many).moved(sideways, outwards), _IN_GARDENS, largest)
    pools = backs.take(rng.random(len(backs)) < 0.14)
    _paint_level(scene, pools.shapes(4.8 * unit, 2.8 * unit), (("concrete", 1),))
    _paint_level(scene, pools.shapes(3.2 * unit, 1.9 * unit), (("pool", 1),))


def _paint_parked(scene: Scene, plots: Sequence[Box]) -> None:
    """Paint rows of parked cars, some plots nearly full and others nearly empty."""
    unit, rng = scene.unit, scene.rng
    rows = [lattice(scene.frame, plot, 2.9 * unit, 8.5 * unit) for plot in plots]
    filled = np.repeat(rng.uniform(0.1, 0.9, len(rows)), [len(row) for row in rows])
    places = joined(rows, scene.frame)
    seen = places.near_canvas(scene.canvas.side, 3 * unit)
    taken = places.take(seen & (rng.random(len(places)) < filled))
    _paint_cars(scene, taken.shapes(0.95 * unit, rng.uniform(1.9, 2.6, len(taken)) * unit))


def _paint_halls(scene: Scene, plots: Sequence[Box]) -> None:
    """Paint flat-roofed buildings that fill plots, some with roof lights, all with fittings."""
    rng, unit, side = scene.rng, scene.unit, scene.canvas.side
    centres = joined(
        [lattice(scene.frame, plot, plot.width, plot.height) for plot in plots], scene.frame
    )
    half = np.array([(plot.width / 2, plot.height / 2) for plot in plots]).reshape(-1, 2)
    _build(scene, centres.shapes(*half.T), _FLAT_ROOFS, rng.uniform(4, 12, len(plots)))
    roofs = [plot.shrunk(1.2 * unit) for plot in plots]
    lit = [roof for roof in roofs if rng.random() < 0.3]
    lights = [lattice(scene.frame, r, scene.metres(4, 8), scene.metres(5, 12)) for r in lit]
    skylights = joined(lights, scene.frame)
    skylights = skylights.take(skylights.near_canvas(side, 2 * unit))
    size = scene.metres(0.5, 1.2)
    _paint_level(scene, skylights.shapes(size, 0.8 * size), _FITTINGS)
    fittings, _ = random_spots(scene, roofs, 1 / (250 * unit**2))
    fittings = fittings.take(fittings.near_canvas(side, 3 * unit))
    a, b = rng.uniform(0.6, 2.6, (2, len(fittings))) * unit
    _build(scene, fittings.shapes(a, b), _FITTINGS, rng.uniform(0.8, 3, len(fittings)))
