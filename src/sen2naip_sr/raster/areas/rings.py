"""Rings of polygons: clipped, with more corners, and whether they cross themselves."""

import numpy as np

from sen2naip_sr.arrays import Array


def clipped(ring: Array, box: tuple[float, float, float, float]) -> Array:
    """Return a ring clipped to a box: (n, 2), closed; empty if it lies outside.

    Sutherland and Hodgman 1974, "Reentrant Polygon Clipping", doi:10.1145/360767.360802. Parts that
    leave the box are joined along its edges, which fills nothing inside.

    Args:
        ring: (n, 2), x and y, closed.
        box: Least x and y, and greatest x and y.
    """
    left, bottom, right, top = box
    for axis, limit, sign in ((0, left, 1), (0, right, -1), (1, bottom, 1), (1, top, -1)):
        if not len(ring):
            break
        ring = _cut_at(ring, axis, limit, sign)
    return ring


def _cut_at(ring: Array, axis: int, limit: float, sign: int) -> Array:
    """Return the part of a closed ring on one side of a line."""
    start, end = ring[:-1], ring[1:]
    off_start, off_end = (sign * (points[:, axis] - limit) for points in (start, end))
    if (off_start >= 0).all():
        return ring
    crosses = (off_start >= 0) != (off_end >= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(crosses, off_start / (off_start - off_end), 0.0)
    crossing = start + share[:, np.newaxis] * (end - start)
    crossing[crosses, axis] = limit
    # of every edge: where it crosses, then its end if that is inside
    points = np.stack((crossing, end), axis=1).reshape(-1, 2)
    kept = points[np.stack((crosses, off_end >= 0), axis=1).reshape(-1)]
    return np.concatenate((kept, kept[:1])) if len(kept) else np.empty((0, 2))


def densified(ring: Array, box: tuple[float, float, float, float], parts: int) -> Array:
    """Return a ring with more corners on its edges, none longer than a part of the box's sides."""
    longest = max(box[2] - box[0], box[3] - box[1]) / parts
    lengths = np.abs(np.diff(ring, axis=0)).max(axis=1)
    counts = np.maximum(1, np.ceil(lengths / max(longest, 1e-300))).astype(int)
    first = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (number / counts[first])[:, np.newaxis]
    return np.concatenate((ring[first] + share * (ring[first + 1] - ring[first]), ring[-1:]))


def crossing_of(ring: Array) -> tuple[float, float] | None:
    """Return a point near which a closed ring crosses itself; None if it does not.

    Edges that only touch are left out. Edges are compared with those that begin to the right of
    their own beginning and to the left of their end only.
    """
    start, end = ring[:-1], ring[1:]
    real = (start != end).any(axis=1)
    start, end = start[real], end[real]
    low, high = np.minimum(start[:, 0], end[:, 0]), np.maximum(start[:, 0], end[:, 0])
    order = np.argsort(low, kind="stable")
    start, end, low, high = start[order], end[order], low[order], high[order]
    last = np.searchsorted(low, high, side="right")
    for number in range(len(start)):
        others = slice(number + 1, int(last[number]))
        if others.start >= others.stop:
            continue
        begin, stop = start[number], end[number]
        a, b = _side(begin, stop, start[others]), _side(begin, stop, end[others])
        c, d = _side(start[others], end[others], begin), _side(start[others], end[others], stop)
        if (found := np.flatnonzero((a * b < 0) & (c * d < 0))).size:
            x, y = start[others][found[0]]
            return float(x), float(y)
    return None


def _side(start: Array, end: Array, point: Array) -> Array:
    """Return on which side of a line points lie: -1, 0 or 1."""
    along, away = end - start, point - start
    return np.sign(along[..., 0] * away[..., 1] - along[..., 1] * away[..., 0])
