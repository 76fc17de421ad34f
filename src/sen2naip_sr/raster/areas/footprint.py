"""Where a raster lies in longitude and latitude, as GeoJSON has it.

GeoJSON: RFC 7946. A footprint across the antimeridian is cut there into two polygons (3.1.9), and
the west of its box is greater than its east (5.2).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.crs import CRS
from rasterio.transform import GCPTransformer, RPCTransformer
from rasterio.warp import transform

from sen2naip_sr.arrays import Array
from sen2naip_sr.raster.access.faults import RASTER_FAULTS
from sen2naip_sr.raster.areas.rings import clipped
from sen2naip_sr.raster.georeferencing import Georeferencing

WGS84 = CRS.from_epsg(4326)
EDGE_POINTS = 21
"""Points on each edge: a straight edge of a projected raster is a curve in degrees."""
DIGITS = 7
"""Digits of a degree, about a centimetre."""
TURN = 360.0
HALF = 180.0
POLE = 90.0
NO_AREA = 1e-12
DEGREE = 111_195.0
"""Metres of a degree of latitude on the sphere of 6,371 km."""


@dataclass(frozen=True)
class Footprint:
    """Where a raster lies, in degrees of WGS 84.

    Attributes:
        geometry: A Polygon or a MultiPolygon of GeoJSON, outer rings counter-clockwise.
        bbox: West, south, east, north. Across the antimeridian, west is greater than east.
        crosses: Whether it crosses the antimeridian.
    """

    geometry: dict[str, Any]
    bbox: tuple[float, float, float, float]
    crosses: bool


def footprint(ground: Georeferencing, height: int, width: int) -> Footprint | None:
    """Return where a raster lies; None if that is unknown.

    Args:
        ground: Its georeferencing. An RPC model is taken at its mean height.
        height: Rows.
        width: Columns.
    """
    try:
        ring = _in_degrees(ground, _edges(height, width))
    except RASTER_FAULTS:
        return None
    if ring is None:
        return None
    ring = ring[np.isfinite(ring).all(axis=1)]
    if len(ring) < 4:
        return None
    ring = _with_pole(_unwrapped(np.concatenate((ring, ring[:1]))))
    west, south = ring.min(axis=0)
    east, north = ring.max(axis=0)
    pieces = _pieces(ring, west, east)
    if not pieces:
        return None
    rings = [[np.round(piece, DIGITS).tolist()] for piece in pieces]
    crosses = len(rings) > 1
    geometry = (
        {"type": "MultiPolygon", "coordinates": rings}
        if crosses
        else {"type": "Polygon", "coordinates": rings[0]}
    )
    left, right = (
        float(min(p[:, 0].min() for p in pieces)),
        float(max(p[:, 0].max() for p in pieces)),
    )
    if crosses and east - west < TURN - NO_AREA:
        left, right = _normal(west), _normal(east)
    box = (left, float(south), right, float(north))
    return Footprint(geometry, tuple(round(v, DIGITS) for v in box), crosses)  # type: ignore[arg-type]


def resolution(ground: Georeferencing) -> float | None:
    """Return the side of a pixel in metres, as the root of its area; None if it is unknown.

    Of a raster in degrees, at the latitude of its first pixel.
    """
    crs, place = ground.crs, ground.transform
    side = math.sqrt(abs(place.determinant))
    if crs is None or place.is_identity or not side:
        return None
    if crs.is_geographic:
        return side * DEGREE * math.sqrt(max(0.0, math.cos(math.radians(place.f))))
    try:
        return side * float(crs.linear_units_factor[1])
    except RASTER_FAULTS:
        return None


def _edges(height: int, width: int) -> Array:
    """Return pixel coordinates (column, row) around a raster, each once."""
    across = np.linspace(0, width, EDGE_POINTS)[:-1]
    down = np.linspace(0, height, EDGE_POINTS)[:-1]
    sides = (
        (across, np.zeros(len(across))),
        (np.full(len(down), width), down),
        (width - across, np.full(len(across), height)),
        (np.zeros(len(down)), height - down),
    )
    return np.concatenate([np.stack(side, axis=1) for side in sides]).astype(np.float64)


def _in_degrees(ground: Georeferencing, pixels: Array) -> Array | None:
    """Return longitudes and latitudes of pixel coordinates; None if they have none."""
    columns, rows = pixels.T
    crs = ground.crs
    if not ground.transform.is_identity:
        place = ground.transform
        xs = place.a * columns + place.b * rows + place.c
        ys = place.d * columns + place.e * rows + place.f
    elif ground.gcps:
        crs = ground.gcps_crs
        with GCPTransformer(list(ground.gcps)) as to_ground:
            xs, ys = to_ground.xy(rows, columns, offset="ul")
    elif ground.rpcs:
        crs = WGS84
        with RPCTransformer(ground.rpcs, rpc_height=ground.rpcs.height_off) as to_ground:
            # its lines and samples count from the centres of pixels
            xs, ys = to_ground.xy(rows, columns, offset="ul")
    else:
        return None
    if not crs:
        return None
    if crs != WGS84:
        xs, ys = transform(crs, WGS84, list(xs), list(ys))
    return np.stack((xs, ys), axis=1).astype(np.float64)


def _unwrapped(ring: Array) -> Array:
    """Return a closed ring without jumps between longitudes of -180 and 180."""
    steps = np.diff(ring[:, 0])
    steps -= TURN * np.round(steps / TURN)
    longitudes = ring[0, 0] + np.concatenate(([0.0], np.cumsum(steps)))
    return np.stack((longitudes, ring[:, 1]), axis=1)


def _with_pole(ring: Array) -> Array:
    """Return a ring with the edge along the pole that it goes round, if it does."""
    if abs(ring[-1, 0] - ring[0, 0]) < HALF:
        return ring
    pole = math.copysign(POLE, ring[:, 1].mean())
    ends = [[ring[-1, 0], pole], [ring[0, 0], pole], ring[0].tolist()]
    return np.concatenate((ring, np.array(ends)))


def _pieces(ring: Array, west: float, east: float) -> list[Array]:
    """Return the parts of a ring between longitudes of -180 and 180, counter-clockwise."""
    first, last = (math.floor((edge + HALF) / TURN) for edge in (west, east))
    pieces = []
    for turn in range(first, last + 1):
        shift = TURN * turn
        piece = clipped(ring, (shift - HALF, -POLE, shift + HALF, POLE)) - (shift, 0.0)
        area = _area(piece)
        if abs(area) > NO_AREA:
            pieces.append(piece if area > 0 else piece[::-1])
    return pieces


def _area(ring: Array) -> float:
    """Return the area of a closed ring, positive if it runs counter-clockwise."""
    if len(ring) < 4:
        return 0.0
    x, y = (ring - ring[0]).T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)


def _normal(longitude: float) -> float:
    return (longitude + HALF) % TURN - HALF
