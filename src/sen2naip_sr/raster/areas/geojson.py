"""Polygons of a GeoJSON (RFC 7946, https://www.rfc-editor.org/rfc/rfc7946)."""

import json
from collections.abc import Iterator
from typing import Any

from rasterio.crs import CRS

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.faults import RASTER_FAULTS

FAULTS: tuple[type[Exception], ...] = (*RASTER_FAULTS, KeyError, TypeError)

DEGREES = "OGC:CRS84"
"""The coordinate system of every GeoJSON that names no other."""

LONGITUDE, LATITUDE = 540.0, 90.0
"""Coordinates beyond are no degrees. Longitudes may go on beyond the antimeridian."""

Rings = list[Any]


def parse(content: bytes, name: str) -> tuple[list[Rings], CRS | None]:
    """Return the rings of all polygons, and their coordinate system.

    Args:
        content: The file.
        name: Its name in messages.

    Returns:
        A list of rings for each polygon; the coordinate system, None if it is named nowhere and
        the coordinates are no degrees.

    Raises:
        UserError: If it is no GeoJSON.
    """
    try:
        document = json.loads(content)
        if not isinstance(document, dict) or "type" not in document:
            raise ValueError("it has no 'type'")
        found = list(_polygons(document))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(
            "aoi-unreadable",
            f"{name}: is neither GeoJSON nor a GeoPackage ({error})",
            "give polygons as one of these",
        ) from error
    return found, _crs(document, found, name)


def _polygons(part: Any) -> Iterator[Rings]:
    kind = part["type"]
    if kind == "FeatureCollection":
        for feature in part["features"]:
            yield from _polygons(feature)
    elif kind == "Feature":
        if part.get("geometry") is not None:
            yield from _polygons(part["geometry"])
    elif kind == "GeometryCollection":
        for geometry in part["geometries"]:
            yield from _polygons(geometry)
    elif kind == "MultiPolygon":
        yield from part["coordinates"]
    elif kind == "Polygon":
        yield part["coordinates"]


def _crs(document: dict[str, Any], found: list[Rings], name: str) -> CRS | None:
    named = document.get("crs")
    if named is None:
        return CRS.from_user_input(DEGREES) if _in_degrees(found) else None
    try:
        return CRS.from_user_input(named["properties"]["name"])
    except FAULTS as error:
        raise UserError(
            "crs-unknown",
            f"{name}: its coordinate system cannot be read ({json.dumps(named)[:100]})",
            "save it in degrees, or as a GeoPackage",
        ) from error


def _in_degrees(found: list[Rings]) -> bool:
    try:
        return all(
            abs(corner[0]) <= LONGITUDE and abs(corner[1]) <= LATITUDE
            for rings in found
            for ring in rings
            for corner in ring
        )
    except (TypeError, IndexError):
        # what is no coordinate is found when rings are made of them
        return True
