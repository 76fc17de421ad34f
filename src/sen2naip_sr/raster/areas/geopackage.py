"""Polygons of a GeoPackage, read by SQLite: https://www.geopackage.org/spec131/.

A geometry is a header, then well-known binary (OGC 06-103r4, 8). rasterio reads no vectors, and a
library for them weighs more than these two formats.
"""

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from rasterio.crs import CRS

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.faults import RASTER_FAULTS

SIGNATURE = b"SQLite format 3\0"

ENVELOPES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
"""Bytes of the bounds in a header, by the code of their kind."""

POLYGON, MULTI_POLYGON, COLLECTION = 3, 6, 7
CURVES = (8, 9, 10, 11, 12, 13, 14)
DEEPEST = 8
MOST_CORNERS = 5_000_000

LAYERS = """SELECT c.table_name, g.column_name, s.organization, s.organization_coordsys_id,
    s.definition FROM gpkg_contents c JOIN gpkg_geometry_columns g ON g.table_name = c.table_name
    JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id WHERE c.data_type = 'features'"""

Rings = list[list[tuple[float, ...]]]


def read(path: Path, layer: str = "") -> tuple[list[Rings], CRS | None]:
    """Return the rings of all polygons of a layer, and their coordinate system.

    Args:
        path: The file.
        layer: The name of its layer; needed if several have polygons.

    Raises:
        UserError: If it is damaged, has no such layer, or several and none is named, or has curves.
    """
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as package:
            layers = [row for row in package.execute(LAYERS) if layer in ("", row[0])]
            read = {row: list(_rings_in(package, row[0], row[1])) for row in layers}
    except (sqlite3.Error, struct.error, ValueError, OverflowError) as error:
        raise UserError(
            "aoi-unreadable", f"{path}: cannot be read ({error})", "save it anew with a GIS"
        ) from error
    found = {row: rings for row, rings in read.items() if rings}
    if len(found) > 1:
        names = ", ".join(row[0] for row in found)
        raise UserError(
            "aoi-several-layers",
            f"{path}: several layers have polygons: {names}",
            "name one behind the file: FILE|layername=NAME",
        )
    for row, rings in found.items():
        return rings, _crs(path, *row[2:])
    where = f" in a layer '{layer}'" if layer else ""
    raise UserError("aoi-without-polygons", f"{path}: has no polygon{where}", "give polygons")


def _crs(path: Path, organization: str, code: int, definition: str) -> CRS | None:
    if organization.upper() == "NONE":
        return None
    try:
        named = organization.upper() == "EPSG"
        return CRS.from_epsg(code) if named else CRS.from_user_input(definition)
    except RASTER_FAULTS as error:
        raise UserError(
            "crs-unknown",
            f"{path}: its coordinate system cannot be read ({organization}:{code})",
            "save it in another one",
        ) from error


def _rings_in(package: sqlite3.Connection, table: str, column: str) -> Iterator[Rings]:
    quoted = ('"' + name.replace('"', '""') + '"' for name in (column, table))
    for (blob,) in package.execute("SELECT {} FROM {}".format(*quoted)):
        if blob is not None:
            yield from _Binary(_body(bytes(blob))).polygons()


def _body(blob: bytes) -> bytes:
    """Return the well-known binary of a geometry; nothing if it is empty."""
    magic, _, flags = struct.unpack_from("<2sBB", blob)
    if magic != b"GP":
        raise ValueError("a geometry does not begin with GP")
    if flags >> 4 & 1:
        return b""
    return blob[8 + ENVELOPES[flags >> 1 & 7] :]


class _Binary:
    """Reads well-known binary from its beginning."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def polygons(self, depth: int = 0) -> Iterator[Rings]:
        if self._at >= len(self._content):
            return
        if depth > DEEPEST:
            raise ValueError("geometries are nested too deeply")
        order = "<" if self._content[self._at] else ">"
        self._at += 1
        (code,) = self._take(f"{order}I")
        kind, axes = int(code) % 1000, 2 + (0, 1, 1, 2)[int(code) // 1000 % 4]
        if kind in CURVES:
            raise ValueError("it has curves; straight edges are needed")
        if kind == POLYGON:
            yield [self._ring(order, axes) for _ in range(self._count(order))]
        elif kind in (MULTI_POLYGON, COLLECTION):
            for _ in range(self._count(order)):
                yield from self.polygons(depth + 1)
        elif depth:
            # a point or line among polygons: what follows it cannot be found without reading it
            raise ValueError("a collection has points or lines")

    def _ring(self, order: str, axes: int) -> list[tuple[float, ...]]:
        corners = self._count(order)
        numbers = self._take(f"{order}{axes * corners}d")
        return [numbers[first : first + 2] for first in range(0, len(numbers), axes)]

    def _count(self, order: str) -> int:
        (number,) = self._take(f"{order}I")
        if number > MOST_CORNERS:
            raise ValueError(f"{number:,} parts or corners in one")
        return int(number)

    def _take(self, layout: str) -> tuple[float, ...]:
        found = struct.unpack_from(layout, self._content, self._at)
        self._at += struct.calcsize(layout)
        return found
