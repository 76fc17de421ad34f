"""The materials of the synthetic ground: reflectances in four bands, and their variation.

The spectra follow the general shapes that remote-sensing textbooks give: vegetation dark in red
and blue and very bright in the near-infrared, water darkest there, soil rising with wavelength,
asphalt and concrete nearly grey.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sen2naip_sr.arrays import Array


class Material(NamedTuple):
    """One kind of surface.

    Attributes:
        colour: Red, green, blue and near-infrared in digital numbers (0 to 255) in full sun.
        spread: Relative standard deviation of brightness from object to object.
        texture: Relative standard deviation of brightness within an object.
        drift: Change of each band, in digital numbers, for one standard deviation of the slow
            variation within an object (drying grass, moist soil).
    """

    colour: tuple[float, float, float, float]
    spread: float
    texture: float
    drift: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


_DRYING = (9.0, 4.0, 4.0, -9.0)
_MOIST = (8.0, 7.0, 6.0, 8.0)

MATERIALS = {
    "lawn": Material((78, 112, 76, 184), 0.13, 0.06, _DRYING),
    "meadow": Material((104, 122, 86, 176), 0.14, 0.08, _DRYING),
    "dry_grass": Material((160, 149, 116, 172), 0.12, 0.07, (-9.0, -4.0, -5.0, 5.0)),
    "crop": Material((56, 94, 58, 204), 0.16, 0.06, _DRYING),
    "young_crop": Material((112, 124, 90, 176), 0.14, 0.06, _DRYING),
    "canopy": Material((50, 76, 52, 164), 0.24, 0.16, (4.0, 2.0, 1.0, 6.0)),
    "autumn_canopy": Material((112, 104, 62, 168), 0.22, 0.16, (6.0, 3.0, 1.0, 4.0)),
    "understorey": Material((74, 80, 62, 112), 0.15, 0.14, _DRYING),
    "shrub": Material((88, 92, 72, 130), 0.18, 0.12),
    "soil": Material((170, 144, 118, 186), 0.12, 0.045, _MOIST),
    "dark_soil": Material((118, 99, 83, 132), 0.14, 0.05, _MOIST),
    "sand": Material((204, 188, 158, 214), 0.07, 0.035, _MOIST),
    "gravel": Material((162, 156, 146, 160), 0.10, 0.06, (4.0, 4.0, 4.0, 4.0)),
    "rock": Material((142, 128, 114, 146), 0.18, 0.13, _MOIST),
    "asphalt": Material((104, 106, 108, 98), 0.10, 0.03, (4.0, 4.0, 4.0, 4.0)),
    "dark_asphalt": Material((74, 76, 80, 68), 0.10, 0.035, (4.0, 4.0, 4.0, 3.0)),
    "concrete": Material((188, 186, 178, 180), 0.09, 0.03, (4.0, 4.0, 4.0, 4.0)),
    "paint": Material((226, 224, 214, 214), 0.06, 0.02),
    "white_roof": Material((236, 236, 232, 222), 0.06, 0.02, (3.0, 3.0, 4.0, 3.0)),
    "grey_roof": Material((142, 140, 138, 132), 0.16, 0.035, (3.0, 3.0, 3.0, 3.0)),
    "dark_roof": Material((88, 85, 84, 82), 0.16, 0.04, (3.0, 3.0, 3.0, 3.0)),
    "brown_roof": Material((140, 118, 102, 136), 0.15, 0.04, (3.0, 3.0, 3.0, 3.0)),
    "tile_roof": Material((176, 110, 84, 164), 0.12, 0.05, (4.0, 2.0, 2.0, 4.0)),
    "metal_roof": Material((128, 150, 168, 138), 0.12, 0.02),
    "solar_panel": Material((44, 50, 74, 48), 0.10, 0.02),
    "water": Material((36, 52, 60, 12), 0.16, 0.015, (3.0, 4.0, 2.0, 0.5)),
    "green_water": Material((66, 92, 74, 18), 0.14, 0.015, (5.0, 6.0, 2.0, 1.0)),
    "foam": Material((206, 210, 208, 170), 0.08, 0.12),
    "pool": Material((96, 186, 208, 52), 0.10, 0.03),
    "white_car": Material((230, 230, 228, 222), 0.06, 0.0),
    "grey_car": Material((128, 130, 134, 124), 0.25, 0.0),
    "dark_car": Material((44, 45, 50, 44), 0.25, 0.0),
    "red_car": Material((158, 52, 48, 110), 0.15, 0.0),
}

Mix = tuple[tuple[str, float], ...]
"""Names of materials (or of land covers) with relative weights."""


def choose(rng: np.random.Generator, mix: Mix, count: int) -> list[str]:
    """Draw ``count`` names from a mix in proportion to their weights."""
    names = [name for name, _ in mix]
    steps = np.cumsum([weight for _, weight in mix])
    drawn = np.searchsorted(steps, steps[-1] * rng.random(count), side="right")
    return [names[index] for index in drawn]


@dataclass(frozen=True)
class PaletteTables:
    """The properties of every painted object, by its label.

    Args:
        colour: (4, n) float32, digital numbers in full sun.
        drift: (4, n) float32, digital numbers for one standard deviation.
        texture: (n,) float32, relative standard deviation.
    """

    colour: Array
    drift: Array
    texture: Array


class Palette:
    """Assigns labels: each object gets its own variation of its material's colour."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._index = {name: index for index, name in enumerate(MATERIALS)}
        self._base = np.array([material.colour for material in MATERIALS.values()])
        self._spread = np.array([[material.spread] for material in MATERIALS.values()])
        self._kinds: list[int] = []
        self._colours: list[Array] = []

    def mixed(self, mix: Mix, count: int, near: Array | None = None) -> Array:
        """Return ``count`` new labels of materials drawn from a mix, int64 (count,).

        The new colours are mixed with those of the labels ``near``, (count,), if there are any.
        """
        kind = np.array([self._index[name] for name in choose(self._rng, mix, count)], np.int64)
        colour = self._tinted_colours(kind)
        if near is not None:
            share = self._rng.uniform(0.2, 1.0, (count, 1)) ** 2
            colour = share * colour + (1.0 - share) * np.array(self._colours)[near]
        self._kinds.extend(kind)
        self._colours.extend(colour)
        return np.arange(len(self._kinds) - count, len(self._kinds))

    def tables(self) -> PaletteTables:
        """Return the properties of all labels assigned so far."""
        drift = np.array([material.drift for material in MATERIALS.values()], np.float32)
        texture = np.array([material.texture for material in MATERIALS.values()], np.float32)
        colour = np.array(self._colours, np.float32)
        used = np.array(self._kinds)
        return PaletteTables(colour.T.copy(), drift[used].T.copy(), texture[used])

    def _tinted_colours(self, kind: Array) -> Array:
        spread = self._spread[kind]
        deviation = self._rng.standard_normal((len(kind), 5)).clip(-2.2, 2.2)
        brightness, tint = 1.0 + spread * deviation[:, :1], 1.0 + 0.25 * spread * deviation[:, 1:]
        return self._base[kind] * brightness * tint
