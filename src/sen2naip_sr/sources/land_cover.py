"""What covers a block of land: buildings, crops, orchards, woods, scrub or water."""

from collections.abc import Callable
from dataclasses import replace

from sen2naip_sr.sources.buildings import halls, houses
from sen2naip_sr.sources.frame import Box, Frame, Rows, paint_box, paint_rows
from sen2naip_sr.sources.materials import Mix
from sen2naip_sr.sources.scene import Scene, lattice, paint_patchy, plant, scatter_trees

_FIELD_SOILS: Mix = (("soil", 2), ("dark_soil", 2), ("young_crop", 1), ("dry_grass", 1))
_FIELD_ROWS: Mix = (("crop", 4), ("young_crop", 2), ("meadow", 1), ("soil", 1), ("dark_soil", 1))
_MEADOWS: Mix = (("meadow", 3), ("dry_grass", 3), ("soil", 1), ("lawn", 1), ("dark_soil", 0.5))
_PARKS: Mix = (("lawn", 4), ("meadow", 2), ("dry_grass", 2), ("soil", 1))
_DESERTS: Mix = (("sand", 2), ("soil", 3), ("rock", 2), ("shrub", 2), ("gravel", 1))
_SHRUBS: Mix = (("shrub", 4), ("canopy", 1))


def crops(scene: Scene, frame: Frame, box: Box) -> None:
    """A field in rows along or across the frame, some with wheel tracks."""
    rng = scene.rng
    paint_patchy(scene, frame, box, _FIELD_SOILS, 0.15)
    if rng.random() < 0.4:
        frame, box = frame.turned, box.turned
    period = 2 * rng.uniform(3, 8)
    plants = Rows(scene.label(_FIELD_ROWS), period, rng.uniform(0.35, 0.85))
    paint_rows(scene.canvas, frame, box, plants)
    if rng.random() < 0.5:
        every = int(rng.integers(6, 14)) * period
        tracks = Rows(scene.label(_FIELD_SOILS), every, 0.7 * period / every)
        paint_rows(scene.canvas, frame, box, tracks)


def meadow(scene: Scene, frame: Frame, box: Box) -> None:
    """Grass or bare ground without rows, with a few trees."""
    paint_patchy(scene, frame, box, _MEADOWS, 0.5)
    scatter_trees(scene, frame, box, 0.7, (1.2, 4.0))


def garden(scene: Scene, frame: Frame, box: Box) -> None:
    """A park: lawn, a path and many trees."""
    paint_patchy(scene, frame, box, _PARKS, 0.5)
    at = box.v0 + box.height * scene.rng.uniform(0.2, 0.8)
    path = box._replace(v0=at, v1=at + scene.metres(1.5, 3))
    paint_box(scene.canvas, frame, path, scene.label((("concrete", 1),)))
    scatter_trees(scene, frame, box, 5.0, (1.5, 6.0))


def orchard(scene: Scene, frame: Frame, box: Box) -> None:
    """Trees of one age on a lattice over soil or grass."""
    paint_box(scene.canvas, frame, box, scene.label((*_FIELD_SOILS, ("meadow", 1))))
    radius = max(scene.metres(1.6, 3.4), 3.0)
    spacing = radius * scene.rng.uniform(2.1, 3.2)
    spots = lattice(frame, box, spacing, spacing * scene.rng.uniform(0.9, 1.4))
    spots = spots.take(scene.rng.random(len(spots)) < 0.95)
    jitter = 0.07 * spacing * scene.rng.standard_normal((2, len(spots)))
    plant(scene, spots.moved(*jitter), 0.75 * radius, 1.3 * radius)


def wood(scene: Scene, frame: Frame, box: Box) -> None:
    """A closed canopy of crowns of many sizes."""
    paint_box(scene.canvas, frame, box, scene.label((("understorey", 1),)))
    spacing = max(scene.metres(3.2, 6), 7.0)
    spots = lattice(frame, box, spacing, spacing)
    spots = spots.take(scene.rng.random(len(spots)) < scene.rng.uniform(0.6, 0.98))
    jitter = 0.3 * spacing * scene.rng.standard_normal((2, len(spots)))
    plant(scene, spots.moved(*jitter), 0.4 * spacing, 1.1 * spacing)


def scrub(scene: Scene, frame: Frame, box: Box) -> None:
    """Dry open ground dotted with shrubs and rocks."""
    paint_patchy(scene, frame, box, _DESERTS, 1.0)
    dry = replace(scene, trees=_SHRUBS)
    scatter_trees(dry, frame, box, scene.rng.uniform(4, 14), (0.8, 2.6))


def basin(scene: Scene, frame: Frame, box: Box) -> None:
    """A pond with banks of gravel."""
    paint_box(scene.canvas, frame, box, scene.label((("gravel", 1), ("soil", 1))))
    water = box.shrunk(scene.metres(2, 6))
    paint_box(scene.canvas, frame, water, scene.label((("water", 2), ("green_water", 1))))


def open_ground(scene: Scene, frame: Frame, box: Box) -> None:
    """Open ground with trees."""
    paint_patchy(scene, frame, box, scene.ground, 1.2)
    scatter_trees(scene, frame, box, scene.rng.uniform(0.5, 4), (1.2, 5.0))


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
    "open_ground": open_ground,
}
"""Painters of land covers by name."""
