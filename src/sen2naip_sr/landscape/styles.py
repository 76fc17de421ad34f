"""Kinds of places in synthetic landscapes, and the variation within a kind."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sen2naip_sr.landscape.materials import Mix


@dataclass(frozen=True)
class Style:
    """The appearance of a place.

    Args:
        name: Name of the kind of landscape.
        covers: Land covers of the blocks (names of `land_cover.COVERS`).
        ground: Materials of the open ground.
        block: Longer side of a block, metres.
        streets: Width of the cuts between blocks by depth, metres.
        surface: Material of the streets.
        bend: Largest slope of a street relative to a straight one.
        shore: Share of the landscape under open water.
        trees: Materials of crowns.
        yards: Materials of gardens.
        roofs: Materials of pitched roofs.
        pixels_per_metre: Scale of built objects; 0.4 looks like pixels of 2.5 m.
        sun: Direction towards the sun, radians from the column axis towards growing rows.
        elevation: Elevation of the sun, radians.
        heading: Direction of the streets, radians.
        gain: Brightness of the image.
        haze: Digital numbers added to red; blue gets more, near-infrared less.
        blur: Weight of the outer samples of the sensor's kernel: 0 (area mean) to 0.2.
        noise: Standard deviation of the sensor's noise, digital numbers.
    """

    name: str
    covers: Mix
    ground: Mix
    block: float
    streets: tuple[float, ...]
    surface: Mix = (("asphalt", 3), ("dark_asphalt", 1), ("concrete", 1))
    bend: float = 0.1
    shore: float = 0.0
    trees: Mix = (("canopy", 6), ("autumn_canopy", 0.4))
    yards: Mix = (("lawn", 4), ("dry_grass", 2), ("soil", 2), ("gravel", 1), ("meadow", 2))
    roofs: Mix = (
        ("grey_roof", 3),
        ("dark_roof", 3),
        ("brown_roof", 4),
        ("tile_roof", 2),
        ("white_roof", 0.5),
    )
    pixels_per_metre: float = 1.0
    sun: float = 1.2
    elevation: float = 0.9
    heading: float = 0.0
    gain: float = 1.0
    haze: float = 6.0
    blur: float = 0.12
    noise: float = 1.2


_NATURE: Mix = (("meadow", 3), ("dry_grass", 3), ("soil", 2), ("dark_soil", 1), ("shrub", 2))
_DRY: Mix = (("soil", 4), ("sand", 3), ("rock", 2), ("dry_grass", 2), ("shrub", 1))

STYLES = (
    Style(
        name="suburb",
        covers=(("houses", 8), ("garden", 1), ("halls", 0.5), ("open_ground", 0.5)),
        ground=_NATURE,
        block=95,
        streets=(12, 9, 8, 8),
        bend=0.2,
    ),
    Style(
        name="farmland",
        covers=(("crops", 7), ("meadow", 2), ("orchard", 1), ("basin", 0.3), ("wood", 0.5)),
        ground=_NATURE,
        block=130,
        streets=(7, 5, 3, 2),
        surface=(("asphalt", 2), ("gravel", 2), ("soil", 2)),
        bend=0.06,
    ),
    Style(
        name="forest",
        covers=(("wood", 6), ("orchard", 2), ("meadow", 2), ("open_ground", 2), ("houses", 0.3)),
        ground=_NATURE,
        block=150,
        streets=(5, 4, 0, 0),
        surface=(("gravel", 2), ("soil", 2), ("asphalt", 1)),
        bend=0.35,
        trees=(("canopy", 4), ("autumn_canopy", 1)),
    ),
    Style(
        name="town",
        covers=(("halls", 5), ("houses", 3), ("garden", 1)),
        ground=(("asphalt", 2), ("concrete", 2), ("soil", 1), ("dry_grass", 1), ("lawn", 1)),
        block=110,
        streets=(16, 12, 9, 8),
        bend=0.03,
        yards=(("concrete", 2), ("lawn", 2), ("soil", 1), ("gravel", 1)),
    ),
    Style(
        name="desert",
        covers=(("scrub", 6), ("houses", 1.5), ("halls", 0.5), ("crops", 0.5)),
        ground=_DRY,
        block=140,
        streets=(9, 5, 4, 0),
        surface=(("asphalt", 1), ("soil", 2), ("sand", 2)),
        bend=0.3,
        yards=(("soil", 3), ("sand", 2), ("gravel", 3), ("lawn", 0.5)),
    ),
    Style(
        name="coast",
        covers=(("houses", 4), ("scrub", 2), ("garden", 1), ("meadow", 2), ("halls", 1)),
        ground=(("dry_grass", 3), ("meadow", 2), ("sand", 2), ("rock", 1), ("shrub", 2)),
        block=100,
        streets=(10, 8, 7, 0),
        bend=0.25,
        shore=0.3,
    ),
)
"""The kinds of landscape."""


def vary(style: Style, seed: int | Sequence[int]) -> Style:
    """Return a place's own variant of a style: its light, sensor, streets and scale."""
    rng = np.random.default_rng(seed)
    return replace(
        style,
        block=style.block * rng.uniform(0.85, 1.2),
        bend=style.bend * rng.uniform(0.5, 1.4),
        pixels_per_metre=math.exp(rng.uniform(math.log(0.7), math.log(1.8))),
        sun=math.pi / 2 + rng.uniform(-1.2, 1.2),
        elevation=rng.uniform(0.65, 1.05),
        heading=rng.uniform(0, math.pi / 2),
        gain=rng.uniform(0.82, 1.08),
        haze=rng.uniform(2, 18),
        blur=rng.uniform(0.09, 0.2),
        noise=rng.uniform(1.0, 1.5),
    )
