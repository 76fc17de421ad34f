"""Coordinates on the ground as pixels of a scene, in any two coordinate systems."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.faults import RASTER_FAULTS, reason_of
from sen2naip_sr.raster.areas.area import Ring, Sized
from sen2naip_sr.raster.areas.rings import clipped, densified
from sen2naip_sr.raster.georeferencing import Georeferencing

Extent = str
"""Bounds in words."""

EDGE_POINTS = 21
"""Points on each edge of a scene or a box that is moved to another coordinate system: a straight
edge there is a curve here."""

MARGIN = 0.02
"""Share of a scene's extent by which polygons may reach beyond it before they are clipped."""

TURN = 360.0


@dataclass(frozen=True)
class Ground:
    """The pixels of a scene, and the coordinate system that an area is given in.

    Attributes:
        name: The scene's name.
        transform: From column and row to the scene's coordinates.
        crs: Their coordinate system; None if it is unknown.
        given: The coordinate system of the area; None: that of the scene.
        bounds: Of the scene, in the coordinates of the area: least x and y, greatest x and y.
    """

    name: str
    transform: Affine
    crs: CRS | None
    given: CRS | None
    bounds: tuple[float, float, float, float]

    @classmethod
    def of(
        cls, scene: Sized, ground: Georeferencing | None, crs: CRS | str | None, source: str = ""
    ) -> "Ground":
        """Return the pixels of a scene for areas in a coordinate system.

        Args:
            scene: The scene.
            ground: Its georeferencing; None if it has none.
            crs: The area's coordinate system; None: that of the scene.
            source: What the area was read from, for messages.

        Raises:
            UserError: If the scene has no place on the ground, or the coordinate system is unknown.
        """
        if ground is None or ground.transform.is_identity or not ground.transform.determinant:
            raise UserError(
                "area-not-placed",
                f"{scene.name}: has no coordinates on the ground that its pixels follow",
                "give the area as a window of pixels",
            )
        given = _crs(crs) if isinstance(crs, str) else crs
        if given is not None and not ground.crs:
            raise UserError(
                "area-not-placed",
                f"{scene.name}: has no coordinate system, and the area{source and ' of '}{source} "
                f"has one, {given.to_string()}",
                "give the scene its coordinate system, or the area as a window of pixels",
            )
        if given is not None and given == ground.crs:
            given = None
        edges = _edges(0, 0, scene.width, scene.height) @ _linear(ground.transform)
        edges += (ground.transform.c, ground.transform.f)
        if given is not None:
            edges = _moved(edges, ground.crs, given)
            if given.is_geographic and np.ptp(edges[:, 0]) > TURN / 2:
                # it lies across the antimeridian
                edges[:, 0] %= TURN
        found = edges[np.isfinite(edges).all(axis=1)]
        if not len(found):
            raise UserError(
                "area-not-placed",
                f"{scene.name}: cannot be placed in the area's coordinate system",
                "give the area in the coordinate system of the scene",
            )
        bounds = tuple(map(float, (*found.min(axis=0), *found.max(axis=0))))
        return cls(scene.name, ground.transform, ground.crs, given, bounds)  # type: ignore[arg-type]

    @property
    def extent(self) -> Extent:
        """The bounds of the scene in words, in the coordinates of the area."""
        return self.in_words(self.bounds)

    @property
    def _geographic(self) -> bool:
        crs = self.given or self.crs
        return crs is not None and bool(crs.is_geographic)

    def in_words(self, bounds: Sequence[float]) -> Extent:
        """Return bounds in the coordinates of the area in words."""
        left, bottom, right, top = bounds
        crs = self.given or self.crs
        where = f" in {crs.to_string()}" if crs else ""
        return f"x {left:.10g} to {right:.10g} and y {bottom:.10g} to {top:.10g}{where}"

    def box(self, bbox: Sequence[float]) -> list[tuple[Ring, ...]]:
        """Return a box as polygons in pixels of the scene; none if it lies outside.

        A box in degrees whose first x is the greater one crosses the antimeridian (RFC 7946, 5.2).

        Raises:
            UserError: If it is no box.
        """
        left, bottom, right, top = bbox
        if not all(map(math.isfinite, bbox)) or bottom >= top or left == right:
            raise _no_box(self.in_words(bbox))
        if left > right:
            if not self._geographic:
                raise _no_box(self.in_words(bbox))
            right += TURN
        return self.polygons([(_edges(left, bottom, right, top, points=2),)])

    def polygons(self, polygons: Sequence[Sequence[Ring]]) -> list[tuple[Ring, ...]]:
        """Return polygons in pixels of the scene, without those outside of it.

        Raises:
            UserError: If they lie on both sides of the antimeridian, where the scene ends.
        """
        turns = (-TURN, 0.0, TURN) if self._geographic else (0.0,)
        found = []
        for turn in turns:
            for rings in polygons:
                moved = [clipped(ring + np.array([turn, 0.0]), self._around) for ring in rings]
                if len(moved[0]):
                    found.append((turn, tuple(self._to_pixels(r) for r in moved if len(r))))
        if len({turn for turn, _ in found}) > 1 and self.bounds[2] - self.bounds[0] > TURN / 2:
            raise UserError(
                "area-across-antimeridian",
                f"{self.name}: the wanted area crosses the antimeridian, where the scene, "
                f"{self.extent}, ends on both sides",
                "give one area for each side",
            )
        return [rings for _, rings in found]

    @property
    def _around(self) -> tuple[float, float, float, float]:
        left, bottom, right, top = self.bounds
        across, up = MARGIN * (right - left), MARGIN * (top - bottom)
        return left - across, bottom - up, right + across, top + up

    def _to_pixels(self, ring: Ring) -> Ring:
        if self.given is not None:
            ring = _moved(densified(ring, self._around, EDGE_POINTS), self.given, self.crs)
            ring = ring[np.isfinite(ring).all(axis=1)]
        back = ~self.transform
        return ring @ _linear(back) + (back.c, back.f)


def scene_bounds(ground: Georeferencing, height: int, width: int) -> tuple[float, ...]:
    """Return the least x and y, and the greatest x and y of a scene with a transform."""
    corners = _edges(0, 0, width, height, points=2) @ _linear(ground.transform)
    corners += (ground.transform.c, ground.transform.f)
    return tuple(map(float, (*corners.min(axis=0), *corners.max(axis=0))))


def _linear(transform: Affine) -> Array:
    """Return the matrix that rows (x, y) are multiplied with."""
    return np.array([[transform.a, transform.d], [transform.b, transform.e]])


def _edges(left: float, top: float, right: float, bottom: float, points: int = EDGE_POINTS) -> Ring:
    """Return a closed ring around a box, with so many points on each edge."""
    across, down = np.linspace(left, right, points), np.linspace(top, bottom, points)
    sides = (
        (across, np.full(points, top)),
        (np.full(points, right), down),
        (across[::-1], np.full(points, bottom)),
        (np.full(points, left), down[::-1]),
    )
    return np.concatenate([np.stack(side, axis=1) for side in sides]).astype(np.float64)


def _moved(points: Array, source: CRS, target: CRS) -> Array:
    try:
        xs, ys = transform(source, target, points[:, 0].tolist(), points[:, 1].tolist())
    except RASTER_FAULTS as error:
        raise UserError(
            "area-not-placed",
            f"no coordinates of {source.to_string()} can be found in {target.to_string()} "
            f"({reason_of(error)})",
            "give the area in the coordinate system of the scene",
        ) from error
    return np.stack((xs, ys), axis=1).astype(np.float64)


def _crs(text: str) -> CRS:
    try:
        return CRS.from_user_input(text)
    except RASTER_FAULTS as error:
        raise UserError(
            "crs-unknown",
            f"'{text}' is no coordinate system ({reason_of(error)})",
            "give a code such as EPSG:4326, or WKT",
        ) from error


def _no_box(words: str) -> UserError:
    return UserError(
        "area-invalid",
        f"{words}: is no box",
        "give least x, least y, greatest x and greatest y; in degrees, a first x that is greater "
        "than the second crosses the antimeridian",
    )
