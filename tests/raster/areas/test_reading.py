"""Polygons of GeoPackages and GeoJSON."""

import json
import sqlite3
import struct

import numpy as np
import pytest

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.areas.reading import read_polygons
from sen2naip_sr.raster.areas.rings import clipped, crossing_of

SQUARE = [(10.0, 45.0), (11.0, 45.0), (11.0, 46.0), (10.0, 46.0), (10.0, 45.0)]
HOLE = [(10.4, 45.4), (10.6, 45.4), (10.6, 45.6), (10.4, 45.4)]


def wkb(rings, order="<", code=3, more=()):
    """Well-known binary of a polygon."""
    start = struct.pack(f"{order}BII", order == "<", code, len(rings))
    for ring in rings:
        start += struct.pack(f"{order}I", len(ring))
        start += b"".join(struct.pack(f"{order}{2 + len(more)}d", *xy, *more) for xy in ring)
    return start


def multi(parts, order="<"):
    return struct.pack(f"{order}BII", order == "<", 6, len(parts)) + b"".join(parts)


def geometry(body, srs=4326, envelope=1, empty=False):
    flags = 1 | envelope << 1 | empty << 4
    bounds = struct.pack("<4d", 10, 11, 45, 46) if envelope == 1 else b""
    return struct.pack("<2sBBi", b"GP", 0, flags, srs) + bounds + body


def write_package(path, layers, systems=((4326, "EPSG", 4326, "undefined"),)):
    with sqlite3.connect(path) as package:
        package.execute(
            "CREATE TABLE gpkg_spatial_ref_sys (srs_name, srs_id, organization, "
            "organization_coordsys_id, definition)"
        )
        package.execute("CREATE TABLE gpkg_contents (table_name, data_type)")
        package.execute("CREATE TABLE gpkg_geometry_columns (table_name, column_name, srs_id)")
        for srs_id, organization, code, definition in systems:
            package.execute(
                "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?)",
                ("x", srs_id, organization, code, definition),
            )
        for name, blobs in layers.items():
            quoted = name.replace('"', '""')
            package.execute("INSERT INTO gpkg_contents VALUES (?, 'features')", (name,))
            package.execute(
                "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?)", (name, systems[0][0])
            )
            package.execute(f'CREATE TABLE "{quoted}" (fid, geom)')
            package.executemany(f'INSERT INTO "{quoted}" VALUES (1, ?)', [(b,) for b in blobs])
    package.close()
    return str(path)


def test_polygons_of_every_form(tmp_path):
    blobs = [
        geometry(wkb([SQUARE, HOLE])),
        geometry(wkb([SQUARE], ">"), envelope=0),
        geometry(wkb([SQUARE], code=1003, more=(7.0,))),
        geometry(wkb([SQUARE], code=3003, more=(7.0, 8.0))),
        geometry(multi([wkb([SQUARE]), wkb([SQUARE, HOLE], ">")])),
        geometry(b"", empty=True),
        None,
    ]
    found = read_polygons(write_package(tmp_path / "a.gpkg", {'it"s': blobs}))
    assert found.crs.to_epsg() == 4326
    assert [len(rings) for rings in found.polygons] == [2, 1, 1, 1, 1, 2]
    for rings in found.polygons:
        np.testing.assert_array_equal(rings[0], SQUARE)


def test_a_layer_is_named_where_several_have_polygons(tmp_path):
    layers = {"fields": [geometry(wkb([SQUARE]))], "parks": [geometry(wkb([HOLE]))], "none": []}
    path = write_package(tmp_path / "a.gpkg", layers)
    with pytest.raises(UserError, match="fields, parks"):
        read_polygons(path)
    assert len(read_polygons(f"{path}|layername=parks").polygons[0][0]) == len(HOLE)
    with pytest.raises(UserError, match="no polygon in a layer 'roads'"):
        read_polygons(f"{path}|layername=roads")


@pytest.mark.parametrize(
    ("blob", "systems", "code"),
    [
        (geometry(wkb([SQUARE])), ((-1, "NONE", -1, "undefined"),), "aoi-without-crs"),
        (geometry(wkb([SQUARE], code=10)), ((4326, "EPSG", 4326, ""),), "aoi-unreadable"),
        (geometry(wkb([SQUARE])[:40]), ((4326, "EPSG", 4326, ""),), "aoi-unreadable"),
        (geometry(struct.pack("<BII", 1, 3, 2**31)), ((1, "EPSG", 4326, ""),), "aoi-unreadable"),
        (b"no geometry", ((4326, "EPSG", 4326, ""),), "aoi-unreadable"),
        (geometry(wkb([SQUARE])), ((1, "EPSG", 1, ""),), "crs-unknown"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, blob, systems, code):
    with pytest.raises(UserError) as caught:
        read_polygons(write_package(tmp_path / "a.gpkg", {"a": [blob]}, systems))
    assert caught.value.code == code


def test_geojson_of_every_form(tmp_path):
    polygon = {"type": "Polygon", "coordinates": [SQUARE, HOLE]}
    parts = [
        {"type": "Feature", "properties": {}, "geometry": polygon},
        {"type": "Feature", "geometry": None},
        {"type": "Feature", "geometry": {"type": "GeometryCollection", "geometries": [polygon]}},
        {"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": [[SQUARE]] * 2}},
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}},
    ]
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": parts}))
    found = read_polygons(str(path))
    assert [len(rings) for rings in found.polygons] == [2, 2, 1, 1]
    assert found.crs.is_geographic


def test_rings_are_clipped_to_what_is_in_the_box():
    whole = np.array([(0, 0), (4, 0), (4, 4), (0, 4), (0, 0)], float)
    part = clipped(whole, (1, -1, 9, 2))
    assert {tuple(corner) for corner in part} == {(1, 0), (4, 0), (4, 2), (1, 2)}
    assert (part[0] == part[-1]).all()
    assert not len(clipped(whole, (5, 5, 6, 6)))
    np.testing.assert_array_equal(clipped(whole, (-1, -1, 9, 9)), whole)


def test_only_real_crossings_are_found():
    assert crossing_of(np.array(SQUARE)) is None
    touching = [(0, 0), (2, 0), (1, 1), (2, 2), (0, 2), (1, 1), (0, 0)]
    assert crossing_of(np.array(touching, float)) is None
    crossed = [(0, 0), (2, 2), (2, 0), (0, 2), (0, 0)]
    assert crossing_of(np.array(crossed, float)) is not None
