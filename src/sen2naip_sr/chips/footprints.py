"""The ground that chips show, and which of them show the same."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sen2naip_sr.arrays import Array

if TYPE_CHECKING:
    import pandas as pd

EQUAL_AREA = "EPSG:6933"
"""A global projection in metres, in which ground of several coordinate systems is compared."""

TOLERANCE = 0.5
"""Pixels by which chips have to overlap, at the least, to show the same ground. Less is the
rounding of coordinates, or a shift that hides in a pixel."""

_AXES = ((0, 1), (1, 2))
"""Two sides of a footprint that are not parallel, by their corners."""


@dataclass(frozen=True)
class Footprints:
    """Quadrilaterals on the ground.

    Attributes:
        crs: (n,), str, their coordinate systems; "" if unknown.
        corners: (n, 4, 2), x and y of the corners in order.
        pixels: (n,), the side of a pixel in the same unit.
    """

    crs: Array
    corners: Array
    pixels: Array

    @classmethod
    def of(cls, index: "pd.DataFrame", side: int | None = None) -> "Footprints":
        """Return the footprints of square chips.

        Args:
            index: Columns crs, transform and, without ``side``, left and right.
            side: The chips' side in pixels; None: what the bounds say.
        """
        affine = np.array([json.loads(text) for text in index["transform"]]).reshape(-1, 6)
        a, b, left, d, e, top = affine.T
        origin = np.stack([left, top], axis=-1)
        size = np.full(len(index), float(side or 0))
        if side is None:
            # the bounds are those of a square of so many pixels
            size = (index["right"] - index["left"]).to_numpy() / (np.abs(a) + np.abs(b))
        across, down = (np.stack(step, axis=-1) * size[:, None] for step in ((a, d), (b, e)))
        corners = np.stack([origin, origin + across, origin + across + down, origin + down], axis=1)
        pixels = np.minimum(np.hypot(a, d), np.hypot(b, e))
        return cls(index["crs"].to_numpy().astype(str), corners, pixels)

    @classmethod
    def boxes(cls, boxes: Sequence[tuple[str, tuple[float, float, float, float]]]) -> "Footprints":
        """Return footprints of images with a system and left, bottom, right and top each."""
        sides = np.array([bounds for _, bounds in boxes], float).reshape(-1, 4)
        left, bottom, right, top = sides.T
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        crs = np.array([crs for crs, _ in boxes], str)
        # pixels of whole images are not known here: a thousandth of a side is little enough
        pixels = np.minimum(right - left, top - bottom) / 1000
        return cls(crs, np.stack([np.stack(c, -1) for c in corners], axis=1), pixels)

    @classmethod
    def unknown(cls, count: int) -> "Footprints":
        """Return the footprints of so many images of which none is known; they overlap none."""
        return cls(np.full(count, ""), np.full((count, 4, 2), np.nan), np.full(count, np.nan))

    def __len__(self) -> int:
        return len(self.crs)

    def __getitem__(self, chosen: Array) -> "Footprints":
        """Return the chosen ones, by numbers or by a mask."""
        return Footprints(self.crs[chosen], self.corners[chosen], self.pixels[chosen])

    def projected(self) -> "Footprints":
        """Return them in `EQUAL_AREA`; NaN where that is not possible."""
        # trainings elsewhere have no rasterio, and imagery without ground
        from rasterio.warp import transform

        corners = np.full(self.corners.shape, np.nan)
        for crs in set(self.crs.tolist()) - {""}:
            at = self.crs == crs
            xs, ys = self.corners[at].reshape(-1, 2).T.tolist()
            try:
                moved = np.array(transform(crs, EQUAL_AREA, xs, ys)).T
            except Exception:  # PROJ raises private classes
                continue
            corners[at] = moved.reshape(-1, 4, 2)
        corners[~np.isfinite(corners).all(axis=(1, 2))] = np.nan
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = _shortest_side(corners) / _shortest_side(self.corners)
        return Footprints(np.full(len(self), EQUAL_AREA), corners, self.pixels * scale)


def overlapping(first: Footprints, second: Footprints) -> Array:
    """Return the pairs of footprints that overlap by more than `TOLERANCE`, int (m, 2).

    Footprints of one coordinate system are compared in it, others in `EQUAL_AREA`. Those without a
    coordinate system overlap none.

    Args:
        first: The footprints that the first column numbers.
        second: The footprints that the second column numbers; may be the same.
    """
    found = [np.empty((0, 2), int)]
    for crs in sorted(set(first.crs.tolist()) & set(second.crs.tolist()) - {""}):
        rows, columns = (np.flatnonzero(each.crs == crs) for each in (first, second))
        near = _near(first[rows], second[columns])
        found.append(np.stack([rows[near[:, 0]], columns[near[:, 1]]], axis=1))
    if len({*first.crs.tolist(), *second.crs.tolist()} - {""}) > 1:
        near = _near(first.projected(), second.projected())
        found.append(near[first.crs[near[:, 0]] != second.crs[near[:, 1]]])
    return np.concatenate(found)


def _near(first: Footprints, second: Footprints) -> Array:
    """Return the overlapping pairs of footprints of one coordinate system."""
    pairs = _candidates(first.corners, second.corners)
    one, two = first[pairs[:, 0]], second[pairs[:, 1]]
    least = TOLERANCE * np.minimum(one.pixels, two.pixels)
    over = np.ones(len(pairs), bool)
    for corners in (one.corners, two.corners):
        for start, end in _AXES:
            over &= _depth(corners[:, end] - corners[:, start], one.corners, two.corners) > least
    return pairs[over]


def _depth(side: Array, one: Array, two: Array) -> Array:
    """Return by how much quadrilaterals (m, 4, 2) overlap across a side (m, 2)."""
    normal = np.stack([-side[:, 1], side[:, 0]], axis=-1)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), np.finfo(float).tiny)
    # from a corner of the first: digits of large coordinates are not lost
    origin = one[:, :1]
    a, b = ((((corners - origin) * normal[:, None]).sum(axis=-1)) for corners in (one, two))
    return np.asarray(np.minimum(a.max(axis=1), b.max(axis=1)) - np.maximum(a.min(1), b.min(1)))


def _candidates(first: Array, second: Array) -> Array:
    """Return the pairs of quadrilaterals that lie in a common cell of a coarse grid, int (m, 2)."""
    import pandas as pd

    bounds = [(corners.min(axis=1), corners.max(axis=1)) for corners in (first, second)]
    sides = [high - low for low, high in bounds]
    sides = [side[np.isfinite(side).all(axis=1)] for side in sides]
    if not all(len(side) for side in sides):
        return np.empty((0, 2), int)
    # no footprint is in more than two rows and two columns of cells
    cell = max(float(side.max()) for side in sides) or 1.0
    tables = []
    for low, high in bounds:
        finite = np.flatnonzero(np.isfinite(low).all(axis=1))
        cells = [np.floor(end[finite] / cell).astype(np.int64) for end in (low, high)]
        corners = [np.stack([cells[i][:, 0], cells[j][:, 1]], 1) for i in (0, 1) for j in (0, 1)]
        table = pd.DataFrame(np.concatenate(corners), columns=["x", "y"])
        table["number"] = np.tile(finite, len(corners))
        tables.append(table.drop_duplicates())
    pairs = tables[0].merge(tables[1], on=["x", "y"])[["number_x", "number_y"]]
    return pairs.drop_duplicates().to_numpy()


def _shortest_side(corners: Array) -> Array:
    sides = [np.linalg.norm(corners[:, end] - corners[:, start], axis=-1) for start, end in _AXES]
    return np.minimum(*sides)
