"""Land covers of the blocks: buildings, crops, orchards, woods, scrub or water."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sen2naip_sr.landscape.buildings import halls, houses
from sen2naip_sr.landscape.frame import Box, Rows, paint_rows
from sen2naip_sr.landscape.materials import Mix
from sen2naip_sr.landscape.scene import Scene, joined, lattice, paint_patchy, plant, scatter_trees

_FIELD_SOILS: Mix = (("soil", 2), ("dark_soil", 2), ("young_crop", 1), ("dry_grass", 1))
_FIELD_ROWS: Mix = (("crop", 4), ("young_crop", 2), ("meadow", 1), ("soil", 1), ("dark_soil", 1))
_MEADOWS: Mix = (("meadow", 3), ("dry_grass", 3), ("soil", 1), ("lawn", 1), ("dark_soil", 0.5))
_ORCHARDS: Mix = (("soil", 2), ("dark_soil", 1), ("dry_grass", 2), ("meadow", 2))
_PARKS: Mix = (("lawn", 4), ("meadow", 2), ("dry_grass", 2), ("soil", 1))
_DESERTS: Mix = (("sand", 2), ("soil", 3), ("rock", 2), ("shrub", 1), ("gravel", 1))
_SHRUBS: Mix = (("shrub", 4), ("canopy", 1))


def crops(scene: Scene, boxes: Sequence[Box]) -> None:
    """Fields in rows along or across the streets, some with wheel tracks."""
    rng = scene.rng
    paint_patchy(scene, boxes, _FIELD_SOILS, 0.15)
    for field in boxes:
        frame, box = scene.frame, field
        if rng.random() < 0.4:
            frame, box = frame.turned, box.turned
        period = 2 * rng.uniform(3, 8)
        plants = Rows(scene.label(_FIELD_ROWS), period, rng.uniform(0.35, 0.85))
        paint_rows(scene.canvas, frame, box, plants)
        if rng.random() < 0.5:
            every = int(rng.integers(6, 14)) * period
            tracks = Rows(scene.label(_FIELD_SOILS), every, 0.7 * period / every)
            paint_rows(scene.canvas, frame, box, tracks)


def meadow(scene: Scene, boxes: Sequence[Box]) -> None:
    """Grass or bare ground without rows, with a few trees."""
    paint_patchy(scene, boxes, _MEADOWS, 0.5)
    scatter_trees(scene, boxes, 0.7, (1.2, 4.0))


def garden(scene: Scene, boxes: Sequence[Box]) -> None:
    """Parks: lawn, a path and many trees."""
    paint_patchy(scene, boxes, _PARKS, 0.5)
    for box in boxes:
        at = box.v0 + box.height * scene.rng.uniform(0.2, 0.8)
        scene.fill(box._replace(v0=at, v1=at + scene.metres(1.5, 3)), (("concrete", 1),))
    scatter_trees(scene, boxes, 5.0, (1.5, 6.0))


def orchard(scene: Scene, boxes: Sequence[Box]) -> None:
    """Trees of one age on a lattice over soil or grass."""
    rng = scene.rng
    paint_patchy(scene, boxes, _ORCHARDS, 0.2)
    for box in boxes:
        radius = max(scene.metres(1.6, 3.4), 3.0)
        spacing = radius * rng.uniform(2.1, 3.2)
        spots = lattice(scene.frame, box, spacing, spacing * rng.uniform(0.9, 1.4))
        spots = spots.take(rng.random(len(spots)) < 0.95)
        jitter = 0.07 * spacing * rng.standard_normal((2, len(spots)))
        plant(scene, spots.moved(*jitter), 0.75 * radius, 1.3 * radius)


def wood(scene: Scene, boxes: Sequence[Box]) -> None:
    """A closed canopy of crowns of many sizes."""
    rng = scene.rng
    spacing = max(scene.metres(3.2, 6), 7.0)
    stands = []
    for box in boxes:
        scene.fill(box, (("understorey", 1),))
        spots = lattice(scene.frame, box, spacing, spacing)
        stands.append(spots.take(rng.random(len(spots)) < rng.uniform(0.6, 0.98)))
    trees = joined(stands, scene.frame)
    jitter = 0.3 * spacing * rng.standard_normal((2, len(trees)))
    plant(scene, trees.moved(*jitter), 0.4 * spacing, 1.1 * spacing)


def scrub(scene: Scene, boxes: Sequence[Box]) -> None:
    """Dry open ground dotted with shrubs and rocks."""
    paint_patchy(scene, boxes, _DESERTS, 1.0, alike=True)
    dry = replace(scene, trees=_SHRUBS)
    scatter_trees(dry, boxes, scene.rng.uniform(4, 14, len(boxes)), (0.8, 2.6))


def basin(scene: Scene, boxes: Sequence[Box]) -> None:
    """Ponds with banks of gravel or soil."""
    for box in boxes:
        scene.fill(box, (("gravel", 1), ("soil", 1)))
        scene.fill(box.shrunk(scene.metres(2, 6)), (("water", 2), ("green_water", 1)))


def open_ground(scene: Scene, boxes: Sequence[Box]) -> None:
    """The place's own kinds of ground, with trees."""
    paint_patchy(scene, boxes, scene.ground, 1.2, alike=True)
    scatter_trees(scene, boxes, scene.rng.uniform(0.5, 4, len(boxes)), (1.2, 5.0))


_PAINTERS = (open_ground, scrub, meadow, crops, basin, orchard, garden, wood, halls, houses)
COVERS: dict[str, Callable[[Scene, Sequence[Box]], None]] = {p.__name__: p for p in _PAINTERS}
"""Painters of land covers by name, in the order in which they are painted."""
