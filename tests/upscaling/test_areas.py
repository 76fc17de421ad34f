"""Parts of scenes: their pixels are those of the whole scene's result."""

import json
import os
from itertools import pairwise

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.warp import transform
from tiny_weights import write_calibration, write_weights

import sen2naip_sr as sr
from sen2naip_sr.errors import UserError
from sen2naip_sr.upscaling.files import upscale_file
from sen2naip_sr.upscaling.parameters import make_options
from sen2naip_sr.upscaling.scenes import Job
from sen2naip_sr.upscaling.upscaler import Upscaler

EXAMPLES = int(os.environ.get("AREA_EXAMPLES", "25"))
HEIGHT, WIDTH = 75, 140
NORTH_UP = Affine(10, 0, 359_130, 0, -10, 5_352_340)
PLACES = {
    "north-up": NORTH_UP,
    "south-up": Affine(10, 0, 359_130, 0, 10, 5_352_340),
    "rotated": NORTH_UP @ Affine.rotation(33),
    "sheared": NORTH_UP @ Affine.shear(20, 0) @ Affine.rotation(-120),
}
OPTIONS = {
    "plain": {},
    "consistent": {"consistency": True},
    "uncertain": {"uncertainty": True, "ensemble": True},
}
FIRST = [(359_201.3, 5_352_299.1), (359_498.9, 5_352_300), (359_352.2, 5_352_003.7)]
SECOND = [(359_603.7, 5_351_901.9), (359_801.1, 5_351_898.3), (359_697.3, 5_352_203.1)]
TRIANGLES = {
    "type": "MultiPolygon",
    "coordinates": [[[*corners, corners[0]]] for corners in (FIRST, SECOND)],
}
IN_UTM = {"type": "name", "properties": {"name": "EPSG:32633"}}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = write_weights(tmp_path_factory.mktemp("weights") / "small.safetensors", conditions=True)
    write_calibration(path)
    return path


@pytest.fixture(scope="module")
def scenes(tmp_path_factory, make_geotiff):
    """Return the path of a scene by its place: soft noise with a gap, uint16."""
    random = np.random.default_rng(5)
    pixels = random.normal(1200, 150, (4, HEIGHT, WIDTH)).cumsum(axis=2) / 40 + 500
    pixels = pixels.astype("uint16")
    pixels[:, 20:30, 70:82] = 0
    pixels[1, 60:, -8:] = 0
    folder = tmp_path_factory.mktemp("scenes")
    return {
        name: make_geotiff(
            folder / f"{name}.tif", pixels, crs="EPSG:32633", transform=place, nodata=0
        )
        for name, place in PLACES.items()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory, scenes, weights):
    """Return a function: the whole result of a scene with some options, and its intervals."""
    folder, made = tmp_path_factory.mktemp("whole"), {}

    def result(place, options):
        if (place, options) not in made:
            files = run(scenes[place], folder / f"{place}-{options}.tif", weights, options)
            made[place, options] = [rasterio.open(file).read() for file in files]
        return made[place, options]

    return result


def run(scene, target, weights, options="plain", **area):
    """Upscale, and return the paths of the results."""
    chosen = OPTIONS[options] | area
    upscaler = Upscaler(make_options(weights=weights, tile=32, device="cpu", **chosen))
    made = upscale_file(upscaler, Job(scene, target), overwrite=True)
    job = Job(scene, target)
    return [job.target, *([job.interval] if made.intervals else [])]


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_any_area_equals_the_crop_of_the_whole_result(
    data, tmp_path_factory, scenes, whole, weights
):
    place = data.draw(st.sampled_from(sorted(PLACES)))
    options = data.draw(st.sampled_from(sorted(OPTIONS)))
    left, top = data.draw(st.integers(0, WIDTH - 1)), data.draw(st.integers(0, HEIGHT - 1))
    width, height = (
        data.draw(st.integers(1, WIDTH - left)),
        data.draw(st.integers(1, HEIGHT - top)),
    )
    if data.draw(st.booleans()) and place in ("north-up", "south-up"):
        # a little less than the pixels, so that they are those that it touches
        corners = [
            PLACES[place] @ corner
            for corner in ((left + 0.3, top + 0.3), (left + width - 0.3, top + height - 0.3))
        ]
        (x0, x1), (y0, y1) = (sorted(values) for values in zip(*corners, strict=True))
        area = {"bbox": [x0, y0, x1, y1]}
    else:
        area = {"window": [left, top, width, height]}
    target = tmp_path_factory.mktemp("part") / "part.tif"
    files = run(scenes[place], target, weights, options, **area)
    rows, columns = slice(2 * top, 2 * (top + height)), slice(2 * left, 2 * (left + width))
    for file, values in zip(files, whole(place, options), strict=True):
        with rasterio.open(file) as part:
            np.testing.assert_array_equal(part.read(), values[:, rows, columns])
            expected = PLACES[place] @ Affine.translation(left, top) @ Affine.scale(0.5)
            assert part.transform.almost_equals(expected, 1e-6)


def test_pixels_outside_of_polygons_are_nodata_and_the_others_those_of_the_whole(
    tmp_path, scenes, whole, weights
):
    aoi = tmp_path / "two.geojson"
    aoi.write_text(json.dumps(TRIANGLES | {"crs": IN_UTM}))
    [file] = run(scenes["north-up"], tmp_path / "part.tif", weights, aoi=str(aoi))
    with rasterio.open(file) as part:
        values, nodata = part.read(), part.nodata
        left, top = ~NORTH_UP @ (part.bounds.left, part.bounds.top)
        assert (left, top) == pytest.approx((7, 4))
        xs, ys = part.transform @ np.meshgrid(
            np.arange(part.width) + 0.5, np.arange(part.height) + 0.5
        )
    inside = np.zeros(values.shape[1:], bool)
    for [ring] in TRIANGLES["coordinates"]:
        inside |= in_triangle(xs, ys, ring)
    crop = whole("north-up", "plain")[0][:, 8 : 8 + len(inside), 14 : 14 + inside.shape[1]]
    assert nodata == 0
    assert 0.2 < inside.mean() < 0.8
    np.testing.assert_array_equal(values, np.where(inside, crop, 0))


def in_triangle(xs, ys, ring):
    """An independent test: on the same side of all three edges."""
    sides = [
        (x1 - x0) * (ys - y0) - (y1 - y0) * (xs - x0) > 0 for (x0, y0), (x1, y1) in pairwise(ring)
    ]
    return np.all(sides, axis=0) | ~np.any(sides, axis=0)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_scenes_that_mark_nothing_get_a_mask_or_nan(tmp_path, make_geotiff, weights, dtype):
    scene = make_geotiff(
        tmp_path / "scene.tif", size=(HEIGHT, WIDTH), crs="EPSG:32633", transform=NORTH_UP,
        dtype=dtype,
    )  # fmt: skip
    aoi = json.dumps(TRIANGLES | {"crs": IN_UTM})
    [file] = run(scene, tmp_path / "part.tif", weights, aoi=aoi)
    with rasterio.open(file) as part:
        shown = part.read_masks(1) > 0 if dtype == "uint8" else np.isfinite(part.read(1))
        assert part.nodata is None
    assert 0.2 < shown.mean() < 0.8


def test_boxes_in_degrees_cover_the_pixels_that_they_touch(tmp_path, scenes, weights):
    corners = [NORTH_UP @ corner for corner in ((10, 20), (30, 20), (10, 50), (30, 50))]
    xs, ys = transform("EPSG:32633", "EPSG:4326", *zip(*corners, strict=True))
    bbox = [min(xs), min(ys), max(xs), max(ys)]
    [file] = run(
        scenes["north-up"], tmp_path / "part.tif", weights, bbox=bbox, bbox_crs="EPSG:4326"
    )
    with rasterio.open(file) as part:
        # the meridians are tilted there, so the box covers a little more
        assert 60 <= part.height <= 64
        assert 40 <= part.width <= 46
        for x, y in corners:
            assert part.bounds.left <= x <= part.bounds.right
            assert part.bounds.bottom <= y <= part.bounds.top


def test_an_area_partly_outside_is_cut_and_said(tmp_path, scenes, weights, caplog):
    [file] = run(scenes["north-up"], tmp_path / "part.tif", weights, window=[-5, 70, 20, 20])
    with rasterio.open(file) as part:
        assert part.shape == (10, 30)
    assert "columns -5 to 15 and rows 70 to 90, lies partly outside" in caplog.text
    assert "cut to 15 x 5 pixels" in caplog.text


@pytest.mark.parametrize(
    ("area", "code", "words"),
    [
        ({"window": [140, 0, 5, 5]}, "area-outside", "columns 0 to 140 and rows 0 to 75"),
        ({"window": [0, 0, 0, 5]}, "area-invalid", "0 columns"),
        (
            {"bbox": [0, 0, 1, 1]},
            "area-outside",
            "x 0 to 1 and y 0 to 1 in EPSG:32633, lies outside of the scene, x 359130 to 360530",
        ),
        ({"bbox": [2, 0, 1, 1]}, "area-invalid", "no box"),
        ({"bbox": [0, 0, 1, 1], "bbox_crs": "EPSG:0"}, "crs-unknown", "EPSG:0"),
        ({"bbox": [8, 40, 9, 41], "bbox_crs": "EPSG:4326"}, "area-outside", "EPSG:4326"),
        ({"bbox": [170, -40, -170, 40], "bbox_crs": "EPSG:4326"}, "area-outside", "EPSG:4326"),
        ({"aoi": json.dumps(TRIANGLES)}, "aoi-without-crs", "no coordinate system"),
        ({"aoi": '{"type": "Point", "coordinates": [1, 2]}'}, "aoi-without-polygons", "polygon"),
        ({"aoi": '{"type": "Polygon", "coordinates": [[[1, "x"]]]}'}, "aoi-unreadable", "corners"),
        ({"aoi": "{"}, "aoi-unreadable", "neither GeoJSON"),
        ({"aoi": "missing.gpkg"}, "aoi-unreadable", "missing.gpkg"),
        ({"window": [0, 0, 5, 5], "aoi": "{}"}, "options-invalid", "window and aoi"),
        ({"bbox_crs": "EPSG:4326"}, "options-invalid", "without bbox"),
        ({"window": [0, 0, 5]}, "options-invalid", "window"),
    ],
)
def test_what_cannot_be_meant_is_named(tmp_path, scenes, weights, area, code, words):  # noqa: PLR0917
    with pytest.raises(UserError) as caught:
        run(scenes["north-up"], tmp_path / "part.tif", weights, **area)
    assert caught.value.code == code
    assert words in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", [{"crs": None}, {"transform": Affine.identity(), "crs": None}])
def test_scenes_without_a_place_take_windows_only(tmp_path, make_geotiff, weights, given):
    scene = make_geotiff(tmp_path / "scene.tif", size=40, **given)
    with pytest.raises(UserError, match="coordinate"):
        run(scene, tmp_path / "x.tif", weights, bbox=[0, 0, 1, 1], bbox_crs="EPSG:4326")
    [file] = run(scene, tmp_path / "x.tif", weights, window=[3, 4, 5, 6])
    assert rasterio.open(file).shape == (12, 10)


def test_boxes_across_the_antimeridian(tmp_path, make_geotiff, weights):
    utm = make_geotiff(
        tmp_path / "utm.tif", size=64, crs="EPSG:32601",
        transform=Affine(10_000, 0, 100_000, 0, -10_000, 320_000),
    )  # fmt: skip
    with rasterio.open(utm) as scene:
        assert scene.lnglat()[0] < -177
    [file] = run(utm, tmp_path / "x.tif", weights, bbox=[178, 0, -179, 1], bbox_crs="EPSG:4326")
    with rasterio.open(file) as part:
        # from where the scene begins, 0.6 degrees west of the antimeridian, to 179 degrees west
        assert part.width == 2 * 18
    world = make_geotiff(
        tmp_path / "world.tif", size=(32, 360), crs="EPSG:4326",
        transform=Affine(1, 0, -180, 0, -1, 16),
    )  # fmt: skip
    with pytest.raises(UserError, match="crosses the antimeridian"):
        run(world, tmp_path / "y.tif", weights, bbox=[170, 0, -170, 5])


def test_polygons_that_cross_themselves_are_filled_by_the_even_odd_rule(
    tmp_path, scenes, weights, caplog
):
    bow_tie = [[359_200, 5_352_300], [359_600, 5_352_300], [359_200, 5_352_000]]
    bow_tie += [[359_600, 5_352_000], bow_tie[0]]
    bow_tie = [bow_tie[0], bow_tie[1], bow_tie[2], bow_tie[3], bow_tie[0]]
    aoi = json.dumps({"type": "Polygon", "coordinates": [bow_tie], "crs": IN_UTM})
    [file] = run(scenes["north-up"], tmp_path / "part.tif", weights, aoi=aoi)
    with rasterio.open(file) as part:
        assert (part.read(1) != 0).mean() == pytest.approx(0.5, abs=0.05)
    assert "crosses itself near" in caplog.text


def test_arrays_take_windows(scenes, whole, weights):
    with rasterio.open(scenes["north-up"]) as source:
        pixels = source.read()
    part = sr.upscale(pixels, model=weights, device="cpu", tile=32, nodata=0, window=(5, 6, 70, 8))
    np.testing.assert_array_equal(part, whole("north-up", "plain")[0][:, 12:28, 10:150])
    with pytest.raises(UserError, match="window of pixels"):
        sr.upscale(pixels, model=weights, device="cpu", bbox=(0, 0, 1, 1))


def test_data_arrays_take_boxes_and_polygons(scenes, whole, weights):
    rioxarray = pytest.importorskip("rioxarray")
    with rioxarray.open_rasterio(scenes["north-up"]) as data:
        bbox = (359_130 + 50, 5_352_340 - 140, 359_130 + 750, 5_352_340 - 60)
        given = {"model": weights, "device": "cpu", "tile": 32}
        part = sr.upscale(data, **given, bbox=bbox)
        np.testing.assert_array_equal(part, whole("north-up", "plain")[0][:, 12:28, 10:150])
        assert part.rio.bounds() == pytest.approx(bbox)
        polygons = sr.upscale(data, **given, aoi=TRIANGLES | {"crs": IN_UTM})
        assert 0.2 < float((polygons != 0).mean()) < 0.8
