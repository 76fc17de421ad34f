"""Built-up land: houses on their lots, large halls, parked cars."""

import numpy as np
from numpy.typing import NDArray

from sen2naip_sr.sources.frame import Box, Frame, paint_box, split
from sen2naip_sr.sources.materials import Floats, Mix
from sen2naip_sr.sources.painting import (
    Roofs,
    Shapes,
    cast_shadows,
    paint_quadrilaterals,
    paint_roofs,
)
from sen2naip_sr.sources.scene import Scene, Spots, lattice, plant, scatter_leaves, scatter_trees

_CARS: Mix = (("white_car", 4), ("grey_car", 4), ("dark_car", 3), ("red_car", 1))
_PAVED: Mix = (("concrete", 3), ("asphalt", 1), ("gravel", 1))
_LOTS: Mix = (("asphalt", 3), ("dark_asphalt", 2), ("concrete", 2), ("gravel", 1))
_FLAT_ROOFS: Mix = (("white_roof", 4), ("grey_roof", 3), ("metal_roof", 1), ("brown_roof", 1))
_FITTINGS: Mix = (("white_roof", 2), ("grey_roof", 2), ("dark_roof", 2), ("solar_panel", 1))
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


def houses(scene: Scene, frame: Frame, box: Box) -> None:
    """Two rows of lots back to back: gardens, drives, houses with wings, pools and trees."""
    if box.width < box.height:
        frame, box = frame.turned, box.turned
    depth = box.height / 2
    wanted = scene.metres(14, 22)
    lot = box.width / max(1, round(box.width / wanted))
    spots = lattice(frame, box, lot, depth).visible(scene.canvas.side, depth)
    if len(spots) == 0:
        return
    count, rng, unit = len(spots), scene.rng, scene.unit
    front = np.where(spots.v < (box.v0 + box.v1) / 2, -1.0, 1.0)
    gardens = spots.shapes(lot / 2 - 0.3 * unit, depth / 2 - 0.2 * unit)
    _paint_level(scene, gardens, scene.yards)
    drives = spots.moved(lot * 0.3 * front, 0.32 * depth * front)
    _paint_level(scene, drives.shapes(rng.uniform(1.3, 2.6, count) * unit, 0.18 * depth), _PAVED)
    backs = spots.moved(0.0, -0.28 * depth * front)
    _clutter(scene, backs, lot, depth)
    _dwell(scene, spots.moved(0.0, 0.1 * depth * front), lot, depth)
    _park_in_drives(scene, drives)
    around = np.repeat(np.arange(count), rng.poisson(rng.uniform(0.3, 2.2), count))
    sideways = lot * rng.uniform(-0.5, 0.5, len(around))
    outwards = depth * rng.choice([-0.42, -0.3, -0.2, 0.45], len(around)) * front[around]
    plant(scene, spots.take(around).moved(sideways, outwards), 1.2 * unit, 4.8 * unit)


def halls(scene: Scene, frame: Frame, box: Box) -> None:
    """Large flat roofs with fittings on paved ground, parked cars and a few trees."""
    paint_box(scene.canvas, frame, box, scene.label(_LOTS))
    yard = scene.metres(5, 12)
    plots, _ = split(scene.rng, box.shrunk(0.3 * yard), scene.metres(30, 80), (yard,))
    for plot in plots:
        if scene.rng.random() < 0.3:
            park_cars(scene, frame, plot, scene.rng.uniform(0.2, 0.9))
        else:
            _hall(scene, frame, plot)
    scatter_trees(scene, frame, box, 0.8, (1.5, 4.0))


def park_cars(scene: Scene, frame: Frame, box: Box, filled: float) -> None:
    """Paint rows of parked cars along u, a share of the places being filled."""
    places = lattice(frame, box, 2.9 * scene.unit, 8.5 * scene.unit)
    places = places.visible(scene.canvas.side, 3 * scene.unit)
    taken = places.take(scene.rng.random(len(places)) < filled)
    half = scene.rng.uniform(1.9, 2.6, len(taken)) * scene.unit
    _paint_cars(scene, taken.shapes(0.95 * scene.unit, half))


def street_cars(scene: Scene, frame: Frame, street: Box) -> None:
    """Paint cars that stand or drive along both sides of a street whose u runs along it."""
    lanes = lattice(frame, street, 14 * scene.unit, street.height / 2)
    lanes = lanes.visible(scene.canvas.side, 3 * scene.unit)
    taken = lanes.take(scene.rng.random(len(lanes)) < 0.4)
    shift = scene.metres(3, 6) * scene.rng.uniform(-1, 1, len(taken))
    half = scene.rng.uniform(1.9, 2.6, len(taken)) * scene.unit
    _paint_cars(scene, taken.moved(shift, 0.0).shapes(half, 0.95 * scene.unit))


def _paint_level(scene: Scene, figures: Shapes, mix: Mix) -> None:
    count = len(figures.x)
    if count:
        square = np.zeros(count, np.float32)
        paint_quadrilaterals(scene.canvas, figures, scene.palette.mixed(mix, count), square)


def _paint_cars(scene: Scene, figures: Shapes) -> None:
    count = len(figures.x)
    if count:
        _build(scene, figures, _CARS, np.full(count, 1.5), np.zeros(count))


def _build(
    scene: Scene, figures: Shapes, mix: Mix, height: NDArray[np.float64], pitch: NDArray[np.float64]
) -> None:
    """Paint boxes of a height in metres under roofs of a pitch, with their shadows."""
    count = len(figures.x)
    tall = (height * scene.unit).astype(np.float32)
    cast_shadows(scene.canvas, figures, tall, scene.sun)
    hipped = scene.rng.random(count) < 0.5
    roofs = Roofs(scene.palette.mixed(mix, count), pitch.astype(np.float32), hipped)
    paint_roofs(scene.canvas, figures, roofs, scene.sun)


def _dwell(scene: Scene, spots: Spots, lot: float, depth: float) -> None:
    """Paint a house on each lot and a wing at right angles to most of them."""
    rng, count = scene.rng, len(spots)
    half = lot * rng.uniform(0.3, 0.44, count)
    deep = np.minimum(depth * rng.uniform(0.14, 0.24, count), 0.9 * half)
    height, pitch = rng.uniform(3, 6.5, count), rng.uniform(0.2, 0.6, count)
    main = spots.shapes(half, deep)
    winged = rng.random(count) < 0.6
    outwards = deep * rng.choice([-1.0, 1.0], count)
    wing = spots.moved(rng.choice([-0.5, 0.5], count) * half, outwards)
    wings = wing.shapes(0.9 * deep, 0.42 * half)
    wings = wings._replace(angle=wings.angle + np.float32(np.pi / 2))
    kinds = scene.palette.mixed(scene.roofs, count)
    tall, slope = (height * scene.unit).astype(np.float32), pitch.astype(np.float32)
    hipped = rng.random(count) < 0.5
    chosen = np.flatnonzero(winged)
    cast_shadows(scene.canvas, main, tall, scene.sun)
    cast_shadows(scene.canvas, wings.take(chosen), tall[chosen], scene.sun)
    both = Roofs(kinds, slope, hipped)
    paint_roofs(scene.canvas, main, both, scene.sun)
    ells = Roofs(*(values[chosen] for values in both))
    paint_roofs(scene.canvas, wings.take(chosen), ells, scene.sun)
    solar = np.flatnonzero(rng.random(count) < 0.12)
    panels = spots.take(solar).moved(0.0, 0.45 * deep[solar])
    _paint_level(scene, panels.shapes(0.4 * half[solar], 0.28 * deep[solar]), (("solar_panel", 1),))


def _clutter(scene: Scene, backs: Spots, lot: float, depth: float) -> None:
    """Strew back gardens with beds, sheds and pools."""
    rng, unit = scene.rng, scene.unit
    swim = np.flatnonzero(rng.random(len(backs)) < 0.14)
    many = np.repeat(np.arange(len(backs)), rng.poisson(4, len(backs)))
    spots = backs.take(many).moved(
        lot * rng.uniform(-0.45, 0.45, len(many)), depth * rng.uniform(-0.18, 0.6, len(many))
    )
    scatter_leaves(scene, spots, _IN_GARDENS, (max(0.7 * unit, 1.5), 3.5 * unit))
    for size, mix in ((1.5, (("concrete", 1.0),)), (1.0, (("pool", 1.0),))):
        pools = backs.take(swim).shapes(size * 3.2 * unit, size * 1.9 * unit)
        _paint_level(scene, pools, mix)


def _park_in_drives(scene: Scene, drives: Spots) -> None:
    taken = drives.take(scene.rng.random(len(drives)) < 0.4)
    _paint_cars(scene, taken.shapes(0.95 * scene.unit, 2.3 * scene.unit))


def _hall(scene: Scene, frame: Frame, plot: Box) -> None:
    """Paint one flat-roofed building with a parapet or roof lights and fittings."""
    rng, unit = scene.rng, scene.unit
    if min(plot.width, plot.height) < 5 * unit:
        return
    middle = _point(frame, (plot.u0 + plot.u1) / 2, (plot.v0 + plot.v1) / 2)
    building = middle.shapes(plot.width / 2, plot.height / 2)
    pitch = rng.choice([0.0, 0.0, 0.12])
    _build(scene, building, _FLAT_ROOFS, rng.uniform(4, 14, 1), np.full(1, pitch))
    roof = plot.shrunk(1.2 * unit)
    if rng.random() < 0.3:
        lights = lattice(frame, roof, scene.metres(4, 8), scene.metres(5, 12))
        lights = lights.visible(scene.canvas.side, 2 * unit)
        _paint_level(scene, lights.shapes(scene.metres(0.5, 1.2), scene.metres(0.4, 1)), _FITTINGS)
    count = int(rng.poisson(plot.width * plot.height / unit**2 / 250))
    u, v = rng.uniform(roof.u0, roof.u1, count), rng.uniform(roof.v0, roof.v1, count)
    fittings = Spots(frame, u.astype(np.float32), v.astype(np.float32))
    fittings = fittings.visible(scene.canvas.side, 3 * unit)
    count = len(fittings)
    if count:
        a, b = rng.uniform(0.6, 2.6, (2, count)) * unit
        _build(scene, fittings.shapes(a, b), _FITTINGS, rng.uniform(0.8, 3, count), np.zeros(count))


def _point(frame: Frame, u: float, v: float) -> Spots:
    values: tuple[Floats, Floats] = (np.array([u], np.float32), np.array([v], np.float32))
    return Spots(frame, *values)
