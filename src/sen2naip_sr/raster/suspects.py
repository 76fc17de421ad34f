"""Values that look like nodata, but are not declared as such."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from sen2naip_sr.arrays import Array

if TYPE_CHECKING:
    from sen2naip_sr.raster.protocol import PlacedScene, Scene

MARKERS = (-9999, -99999, -999, -32768, -32767, 32767, 65535, 65534, -1e20, 1e20)
"""Values that products use for nodata; those beyond 1e30 count as well."""

RARE = 1e-4
"""A smaller share of the values has no weight in a value range."""

_FEWEST = 8

SPARSE = 1 / 8
"""Where a smaller share of the sample is valid, the scene is searched for data."""

SEARCH_SIDE, SEARCHED_AT_MOST = 512, 4096
"""The windows of that search, and the most that are read."""

SAMPLES = 8
SAMPLE_SIDE = 128
"""A scene is sampled in 8 x 8 windows of 128 x 128 pixels, evenly spaced."""


def suspects(values: Array) -> dict[float, float]:
    """Return extremes that look like nodata, and the share of each.

    Such a value is the smallest or the largest of all, occurs many times, and is isolated: its
    distance to the nearest other value is more than the span of the others, or more than a tenth of
    that for one of `MARKERS`. If the others are all equal, only the markers count. In bytes, 0 and
    255 are common values, so there are none.

    Args:
        values: (n,), valid values of any real dtype.
    """
    found: dict[float, float] = {}
    if values.dtype.itemsize == 1:
        return found
    rest = values.astype(np.float64)
    while rest.size and (marker := _isolated_extreme(rest, len(values))) is not None:
        same = rest == marker
        found[marker] = float(same.sum() / len(values))
        rest = rest[~same]
    return found


def _isolated_extreme(values: Array, total: int) -> float | None:
    for extreme in (float(values.min()), float(values.max())):
        same = values == extreme
        others = values[~same]
        count = len(values) - len(others)
        if not others.size or count < max(_FEWEST, RARE * total):
            continue
        low, high = np.percentile(others, (0.1, 99.9))
        nearest = others.min() if extreme < others.min() else others.max()
        known = abs(extreme) > 1e30 or extreme in MARKERS
        if high == low and not known:
            continue
        least = (0.1 if known else 1.0) * max(high - low, np.finfo(np.float32).eps)
        if abs(extreme - nearest) > least:
            return extreme
    return None


@dataclass(frozen=True)
class Suspects:
    """Values of a scene that look like nodata.

    Attributes:
        shares: Each value's share of the sampled values.
        others: The smallest and the largest of the other values.
    """

    shares: dict[float, float] = field(default_factory=dict)
    others: tuple[float, float] = (0.0, 0.0)

    def __bool__(self) -> bool:
        return bool(self.shares)

    @property
    def values(self) -> tuple[float, ...]:
        """The values."""
        return tuple(self.shares)

    @property
    def message(self) -> str:
        """What was found, and what to do."""
        shown = " and ".join(f"{value:g} in {share:.1%}" for value, share in self.shares.items())
        low, high = self.others
        return (
            f"{shown} of the sampled values, far from the others ({low:g} to {high:g}): it looks "
            "like nodata that is not declared, and is taken for it. What to do: declare the value "
            "as nodata, so that the result does too"
        )


def suspects_in(scene: "Scene") -> Suspects:
    """Return the values of a scene that look like nodata; see `suspects`."""
    if scene.dtype.itemsize == 1:
        return Suspects()
    values = sample(scene)
    found = suspects(values)
    if not found:
        return Suspects()
    rest = values[~np.isin(values, np.array(list(found), values.dtype))]
    return Suspects(found, (float(rest.min()), float(rest.max())))


def sample(scene: "Scene") -> Array:
    """Return the valid values of the sampled windows of a scene: (n,).

    If few of them are valid, more windows are read, in a random order that is always the same,
    until enough are.
    """
    rows, columns = _stretches(scene.height), _stretches(scene.width)
    parts = []
    for (top, height), (left, width) in product(rows, columns):
        values, valid = scene.read(top, left, height, width)
        parts.append(values[valid])
    read = sum(height for _, height in rows) * sum(width for _, width in columns)
    enough = int(SPARSE * read * scene.count)
    if sum(map(len, parts)) < enough and read < scene.height * scene.width:
        parts = list(_search(scene, enough))
    return np.concatenate([np.empty(0, scene.dtype), *parts])


def _search(scene: "Scene", enough: int) -> Iterator[Array]:
    """Yield the valid values of windows anywhere in a scene until they are enough."""
    windows = list(product(range(0, scene.height, SEARCH_SIDE), range(0, scene.width, SEARCH_SIDE)))
    found = 0
    for number in np.random.default_rng(0).permutation(len(windows))[:SEARCHED_AT_MOST]:
        top, left = windows[number]
        height, width = min(SEARCH_SIDE, scene.height - top), min(SEARCH_SIDE, scene.width - left)
        values, valid = scene.read(top, left, height, width)
        yield values[valid]
        found += int(valid.sum())
        if found >= enough:
            return


def _stretches(length: int) -> list[tuple[int, int]]:
    """Return (first pixel, length) of the sampled stretches of an axis; all of a short one."""
    if length <= SAMPLES * SAMPLE_SIDE:
        return [(at, min(SAMPLE_SIDE, length - at)) for at in range(0, length, SAMPLE_SIDE)]
    return [(n * (length - SAMPLE_SIDE) // (SAMPLES - 1), SAMPLE_SIDE) for n in range(SAMPLES)]


class SceneWithout:
    """A scene in which pixels of some values are invalid; see `sen2naip_sr.raster.protocol.Scene`.

    Args:
        scene: The scene.
        values: The values, in its dtype.
    """

    def __init__(self, scene: "Scene", values: Collection[float]) -> None:
        self.height, self.width, self.dtype = scene.height, scene.width, scene.dtype
        self._scene, self._values = scene, np.array(list(values), scene.dtype)

    @property
    def name(self) -> str:
        """The scene's name."""
        return self._scene.name

    @property
    def count(self) -> int:
        """The number of bands."""
        return self._scene.count

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Array, Array]:
        """Return values and validity of a window, both (C, h, w)."""
        values, valid = self._scene.read(top, left, height, width)
        return values, valid & ~np.isin(values, self._values)


class PlacedWithout(SceneWithout):
    """The same of a scene that knows its place on the ground.

    Args:
        scene: The scene.
        values: The values, in its dtype.
    """

    def __init__(self, scene: "PlacedScene", values: Collection[float]) -> None:
        super().__init__(scene, values)
        self.georeferencing = scene.georeferencing
