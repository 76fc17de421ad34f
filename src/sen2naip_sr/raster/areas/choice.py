"""Which part of a scene is meant: a window of pixels, a box or polygons on the ground."""

import hashlib
import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.areas.area import Area, Ring, Sized, bounds_of
from sen2naip_sr.raster.areas.placing import Extent, Ground
from sen2naip_sr.raster.areas.reading import Polygons, is_text, read_polygons
from sen2naip_sr.raster.georeferencing import Georeferencing
from sen2naip_sr.raster.protocol import FACTOR

logger = logging.getLogger(__name__)

Box = tuple[float, float, float, float]
Window = tuple[int, int, int, int]

SLACK = 1e-4
"""Pixels by which a box may miss the edge of one and still end there."""

SMALL = 64
"""Areas of at most so many rows and columns are checked for a pixel in their polygons."""


@dataclass(frozen=True)
class AreaChoice:
    """What part of any scene is wanted. At most one of window, box and polygons is given.

    Attributes:
        window: First column, first row, columns and rows, in pixels.
        bbox: Least x, least y, greatest x and greatest y.
        bbox_crs: Their coordinate system, as text; None: that of the scene.
        aoi: A file with polygons (GeoJSON, GeoPackage), or the text of a GeoJSON.
    """

    window: Window | None = None
    bbox: Box | None = None
    bbox_crs: str | None = None
    aoi: str | None = None

    def __bool__(self) -> bool:
        return not (self.window is None and self.bbox is None and self.aoi is None)

    @property
    def on_the_ground(self) -> bool:
        """Whether a scene must have a place on the ground to find it."""
        return self.bbox is not None or self.aoi is not None

    def identity(self) -> list[object]:
        """Return what tells it from others: of a file of polygons, its content.

        Raises:
            UserError: If that cannot be read.
        """
        aoi = self.aoi
        if aoi is not None and not is_text(aoi):
            try:
                content = Path(aoi).expanduser().read_bytes()
            except OSError as error:
                raise UserError(
                    "aoi-unreadable", f"{aoi}: cannot be read ({error.strerror})", "check the path"
                ) from error
            aoi = hashlib.sha256(content).hexdigest()
        return [self.window, self.bbox, self.bbox_crs, aoi]

    def of(self, scene: Sized, ground: Georeferencing | None, factor: int = FACTOR) -> Area:
        """Return the part of a scene.

        What lies outside of the scene is cut off, and a warning says so.

        Args:
            scene: The scene.
            ground: Its georeferencing; None if it has none.
            factor: Rows and columns of the result per row and column of the scene.

        Raises:
            UserError: If the part lies outside of the scene, cannot be placed, or has no pixel.
        """
        if self.window is not None:
            return replace(_of_window(self.window, scene), factor=factor)
        if self.bbox is not None:
            placed = Ground.of(scene, ground, self.bbox_crs)
            return replace(_of_box(self.bbox, placed, scene), factor=factor)
        assert self.aoi is not None
        read = read_polygons(self.aoi)
        placed = Ground.of(scene, ground, read.crs, read.name)
        return _of_polygons(read, placed, scene, factor)


def _of_window(window: Window, scene: Sized) -> Area:
    left, top, width, height = window
    if width < 1 or height < 1:
        raise UserError(
            "area-invalid",
            f"a window of {width} columns and {height} rows",
            "give first column, first row, columns and rows, with at least one of both",
        )
    wanted = (left, top, left + width, top + height)
    return _cut(wanted, scene, _in_pixels(*wanted), _in_pixels(0, 0, scene.width, scene.height))


def _in_pixels(left: float, top: float, right: float, bottom: float) -> str:
    return f"columns {left:g} to {right:g} and rows {top:g} to {bottom:g}"


def _of_box(bbox: Box, ground: Ground, scene: Sized) -> Area:
    rings, words = ground.box(bbox), ground.in_words(bbox)
    if not rings:
        raise _outside(scene, words, ground.extent)
    return _cut(_covering(rings), scene, words, ground.extent)


def _of_polygons(read: Polygons, ground: Ground, scene: Sized, factor: int) -> Area:
    polygons, words = ground.polygons(read.polygons), ground.in_words(bounds_of(read.polygons))
    if not polygons:
        raise _outside(scene, words, ground.extent)
    found = _cut(_covering(polygons), scene, words, ground.extent)
    area = Area(*found.window, polygons=tuple(polygons), factor=factor)
    if max(area.height, area.width) <= SMALL and not area.touches(*area.window):
        raise UserError(
            "area-empty",
            f"{read.name}: its polygons hold the centre of no pixel of {scene.name}",
            "give larger polygons, or a box",
        )
    return area


def _covering(polygons: list[tuple[Ring, ...]]) -> tuple[int, int, int, int]:
    left, top, right, bottom = bounds_of(polygons)
    return (
        math.floor(left + SLACK),
        math.floor(top + SLACK),
        math.ceil(right - SLACK),
        math.ceil(bottom - SLACK),
    )


def _cut(wanted: tuple[int, int, int, int], scene: Sized, asked: Extent, extent: Extent) -> Area:
    """Return the part of a rectangle (left, top, right, bottom) that lies in the scene."""
    left, top, right, bottom = wanted
    # a box that is thinner than a pixel still shows the pixel that it lies in
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    inside = np.clip((left, right), 0, scene.width), np.clip((top, bottom), 0, scene.height)
    (first, last), (start, end) = ((int(low), int(high)) for low, high in inside)
    if first >= last or start >= end:
        raise _outside(scene, asked, extent)
    area = Area(start, first, end - start, last - first)
    if (first, start, last, end) != (left, top, right, bottom):
        logger.warning(
            "%s: the wanted area, %s, lies partly outside of the scene, %s: it is cut to %d x %d "
            "pixels",
            scene.name,
            asked,
            extent,
            area.width,
            area.height,
        )
    return area


def _outside(scene: Sized, asked: Extent, extent: Extent) -> UserError:
    return UserError(
        "area-outside",
        f"{scene.name}: the wanted area, {asked}, lies outside of the scene, {extent}",
        "give an area that overlaps the scene, and check its coordinate system",
    )
