"""Polygons of a file or a text: GeoJSON, or a GeoPackage."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio.crs import CRS

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.areas import geojson, geopackage
from sen2naip_sr.raster.areas.rings import crossing_of

logger = logging.getLogger(__name__)

LAYER = "|layername="
"""Stands between a GeoPackage and the name of its layer, as QGIS writes it."""

LARGEST = 64 * 2**20
"""Bytes of a file of polygons."""

FEWEST = 4
"""Corners of a ring, the last of which is the first."""


@dataclass(frozen=True)
class Polygons:
    """Polygons and their coordinate system.

    Attributes:
        name: What they were read from.
        polygons: Each polygon's rings (n, 2), closed, the outer one first.
        crs: Their coordinate system.
    """

    name: str
    polygons: tuple[tuple[Array, ...], ...]
    crs: CRS


def is_text(aoi: str) -> bool:
    """Return whether something is the text of a GeoJSON rather than the name of a file."""
    return aoi.lstrip().startswith("{")


def read_polygons(aoi: str) -> Polygons:
    """Read polygons.

    A ring that crosses itself is filled by the even-odd rule, and a warning says so.

    Args:
        aoi: The path of a GeoJSON or a GeoPackage, which ``|layername=NAME`` may follow, or the
            text of a GeoJSON.

    Raises:
        UserError: If there is no such file, it is neither, or has no polygon or no coordinate
            system.
    """
    if is_text(aoi):
        return _checked("the area's GeoJSON", *geojson.parse(aoi.encode(), "the area's GeoJSON"))
    name, _, layer = aoi.partition(LAYER)
    path = Path(name).expanduser()
    content = _start_of(path)
    if content.startswith(geopackage.SIGNATURE):
        return _checked(aoi, *geopackage.read(path, layer))
    if len(content) > LARGEST:
        raise UserError(
            "aoi-unreadable",
            f"{path}: is larger than {LARGEST // 2**20} MB",
            "give simpler polygons",
        )
    return _checked(aoi, *geojson.parse(content, str(path)))


def _start_of(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise UserError("aoi-unreadable", f"{path}: there is no such file", "check the path")
        with path.open("rb") as stream:
            return stream.read(LARGEST + 1)
    except OSError as error:
        raise UserError(
            "aoi-unreadable", f"{path}: cannot be read ({error.strerror})", "check the path"
        ) from error


def _checked(name: str, found: Sequence[Sequence[object]], crs: CRS | None) -> Polygons:
    """Return polygons of closed rings of finite corners."""
    if crs is None:
        raise UserError(
            "aoi-without-crs",
            f"{name}: says no coordinate system, and its coordinates are no degrees of longitude "
            "and latitude",
            "save it with its coordinate system: as a GeoPackage, or as GeoJSON in degrees",
        )
    polygons = []
    for rings in found:
        corners = [_ring(name, ring) for ring in rings]
        polygons.append(tuple(ring for ring in corners if len(ring) >= FEWEST))
    polygons = [rings for rings in polygons if rings]
    if not polygons:
        raise UserError("aoi-without-polygons", f"{name}: has no polygon", "give polygons")
    for number, rings in enumerate(polygons, 1):
        _warn_of_crossing(name, number, rings)
    return Polygons(name, tuple(polygons), crs)


def _ring(name: str, corners: object) -> Array:
    try:
        ring = np.array([corner[:2] for corner in corners], np.float64)  # type: ignore[attr-defined]
        usable = ring.ndim == 2 and ring.shape[1] == 2 and bool(np.isfinite(ring).all())
    except (TypeError, ValueError):
        usable = False
    if not usable:
        raise UserError(
            "aoi-unreadable",
            f"{name}: a polygon has corners that are no finite coordinates",
            "save it anew with a GIS",
        )
    return ring if (ring[0] == ring[-1]).all() else np.concatenate((ring, ring[:1]))


def _warn_of_crossing(name: str, number: int, rings: Sequence[Array]) -> None:
    find: Callable[[Array], tuple[float, float] | None] = crossing_of
    crossing = next(filter(None, map(find, rings)), None)
    if crossing:
        logger.warning(
            "%s: polygon %d crosses itself near x %.10g, y %.10g: what its outline encloses an odd "
            "number of times is inside. What to do: repair it, if that is not meant",
            name,
            number,
            *crossing,
        )
