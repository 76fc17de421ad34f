"""Footprints in degrees, beside rasterio's own projection of polygons."""

from itertools import pairwise

import numpy as np
import pytest
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.rpc import RPC
from rasterio.warp import transform, transform_geom

from sen2naip_sr.raster.areas.footprint import footprint, resolution
from sen2naip_sr.raster.georeferencing import Georeferencing

UTM = CRS.from_epsg(32633)
NORTH_UP = Affine(10, 0, 399_960, 0, -10, 5_300_040)


def area(ring):
    x, y = np.array(ring).T
    return (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2


def rings(found):
    polygons = found.geometry["coordinates"]
    return [p[0] for p in polygons] if found.geometry["type"] == "MultiPolygon" else [polygons[0]]


@pytest.mark.parametrize(
    "place",
    [
        NORTH_UP,
        Affine(10, 0, 399_960, 0, 10, 5_300_040),
        NORTH_UP @ Affine.rotation(33),
        NORTH_UP @ Affine.shear(20, 0) @ Affine.rotation(-120),
    ],
    ids=["north-up", "south-up", "rotated", "sheared"],
)
def test_it_is_the_outline_of_the_pixels_counter_clockwise(place):
    found = footprint(Georeferencing(place, UTM), 4000, 9000)
    corners = [place @ corner for corner in ((0, 0), (9000, 0), (9000, 4000), (0, 4000), (0, 0))]
    dense = [
        (a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1]))
        for a, b in pairwise(corners)
        for s in np.linspace(0, 1, 200, endpoint=False)
    ]
    outline = {"type": "Polygon", "coordinates": [[*dense, dense[0]]]}
    xs, ys = np.array(transform_geom(UTM, "EPSG:4326", outline)["coordinates"][0]).T
    (ring,) = rings(found)
    assert ring[0] == ring[-1] and area(ring) > 0
    np.testing.assert_allclose(area(ring), abs(area(list(zip(xs, ys, strict=True)))), rtol=1e-4)
    # edges are curves in degrees: 20 parts of them miss a few metres of the box
    np.testing.assert_allclose(found.bbox, (xs.min(), ys.min(), xs.max(), ys.max()), atol=2e-5)
    assert not found.crosses


def test_across_the_antimeridian_it_is_cut_and_its_box_begins_in_the_east():
    crs = CRS.from_epsg(32660)
    (x,), (y,) = transform("EPSG:4326", crs, [179.9], [-17.5])
    found = footprint(Georeferencing(Affine(10, 0, x, 0, -10, y), crs), 1000, 4000)
    assert found.crosses and found.geometry["type"] == "MultiPolygon"
    east, west = rings(found)
    assert max(point[0] for point in east) == 180 and min(point[0] for point in west) == -180
    assert all(area(ring) > 0 for ring in (east, west))
    left, south, right, north = found.bbox
    assert left == pytest.approx(179.9, abs=2e-3) and -180 < right < -179
    assert south < north
    # in degrees beyond 180, which some rasters have, the same holds
    wide = footprint(Georeferencing(Affine(0.1, 0, 179, 0, -0.1, 10), CRS.from_epsg(4326)), 10, 30)
    assert wide.crosses and wide.bbox == pytest.approx((179, 9, -178, 10))


def test_round_a_pole_it_reaches_the_pole():
    crs = CRS.from_epsg(3413)
    ground = Georeferencing(Affine(1000, 0, -50_000, 0, -1000, 50_000), crs)
    found = footprint(ground, 100, 100)
    assert found.bbox[0] == -180 and found.bbox[2] == 180 and found.bbox[3] == 90
    assert sum(area(ring) for ring in rings(found)) == pytest.approx(360 * 0.5, rel=0.15)


def test_a_whole_earth_is_one_box():
    found = footprint(Georeferencing(Affine(1, 0, -180, 0, -1, 90), CRS.from_epsg(4326)), 180, 360)
    assert found.bbox == (-180, -90, 180, 90) and not found.crosses


def test_control_points_place_it_like_the_transform_that_they_come_from():
    points = tuple(
        GroundControlPoint(row, column, *(NORTH_UP @ (column, row)))
        for row in (0, 300) for column in (0, 500)
    )  # fmt: skip
    by_points = footprint(Georeferencing(Affine.identity(), None, points, UTM), 300, 500)
    by_transform = footprint(Georeferencing(NORTH_UP, UTM), 300, 500)
    np.testing.assert_allclose(by_points.bbox, by_transform.bbox, atol=1e-6)


def test_an_rpc_model_places_it_around_its_centre():
    # line and sample are linear in latitude and longitude: a model of a north-up image in degrees
    line, sample, one = [0.0] * 20, [0.0] * 20, [1.0] + [0.0] * 19
    line[2], sample[1] = -1.0, 1.0
    rpcs = RPC(
        height_off=100, height_scale=500, lat_off=47, lat_scale=0.1, long_off=12, long_scale=0.2,
        line_off=49.5, line_scale=50, samp_off=99.5, samp_scale=100,
        line_num_coeff=line, line_den_coeff=one, samp_num_coeff=sample, samp_den_coeff=one,
    )  # fmt: skip
    found = footprint(Georeferencing(Affine.identity(), rpcs=rpcs), 100, 200)
    assert found.bbox == pytest.approx((11.8, 46.9, 12.2, 47.1), abs=1e-5)


def test_without_a_place_there_is_none():
    assert footprint(Georeferencing(Affine.identity()), 5, 5) is None
    assert footprint(Georeferencing(NORTH_UP), 5, 5) is None
    assert resolution(Georeferencing(NORTH_UP)) is None


def test_resolution_is_in_metres():
    assert resolution(Georeferencing(NORTH_UP @ Affine.rotation(33), UTM)) == pytest.approx(10)
    feet = Georeferencing(Affine(10, 0, 0, 0, -10, 0), CRS.from_epsg(2229))
    assert resolution(feet) == pytest.approx(3.048, rel=1e-4)
    degree = Georeferencing(Affine(1e-4, 0, 12, 0, -1e-4, 60), CRS.from_epsg(4326))
    assert resolution(degree) == pytest.approx(11.12 * np.sqrt(0.5), rel=1e-3)
