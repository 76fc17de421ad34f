"""Values that look like nodata, but are not declared as such."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from sen2naip_sr.arrays import Array

if TYPE_CHECKING:
    from sen2naip_sr.raster.protocol import Scene

MARKERS = (-9999, -99999, -999, -32768, -32767, 32767, 65535, 65534, -1e20, 1e20)
"""Values that products use for nodata; those beyond 1e30 count as well."""

RARE = 1e-4
"""A smaller share of the values has no weight in a value range."""

_FEWEST = 8


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
