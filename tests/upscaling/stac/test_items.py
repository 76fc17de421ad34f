"""STAC items of results and of weights: read and checked by pystac, without a network.

pystac has the schemas of STAC itself with it, but not those of extensions, which it fetches. Here
items are checked against the former, and extensions are read back by pystac's classes for them.
"""

import json
import os
import socket

import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from made_products import UTM, hls, landsat, pixels, sentinel2, stac_item
from pystac.extensions.eo import EOExtension
from pystac.extensions.mlm import AssetGeneralMLMExtension, MLMExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.raster import RasterExtension
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from tiny_weights import write_calibration, write_weights

import sen2naip_sr as sr
from sen2naip_sr.command import main
from sen2naip_sr.errors import UserError
from sen2naip_sr.upscaling.batch import upscale_all
from sen2naip_sr.upscaling.parameters import make_parameters
from sen2naip_sr.upscaling.stac.origin import derived_from
from sen2naip_sr.weights.mlm import describe_weights
from sen2naip_sr.weights.names import GENERAL


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = write_weights(tmp_path_factory.mktemp("weights") / "small.safetensors")
    write_calibration(path)
    return path


@pytest.fixture(scope="module")
def model(weights):
    return sr.load_model(weights)


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    def refuse(*_):
        raise OSError("no network in tests")

    monkeypatch.setattr(socket, "socket", refuse)


def read(path):
    """Return an item as pystac reads it, checked against the schemas of STAC."""
    item = pystac.Item.from_file(str(path))
    known = json.loads(path.read_text())
    JsonSchemaSTACValidator().validate_core(known, pystac.STACObjectType.ITEM, "1.1.0")
    assert known["stac_version"] == "1.1.0" and set(item.assets) <= {"result", "interval"}
    return item


def links(item):
    return [link for link in item.links if link.rel == "derived_from"]


def test_a_products_item_says_what_the_result_and_the_metadata_say(model, tmp_path):
    safe = sentinel2(tmp_path, pixels())
    result = model.upscale(safe, stac=True, uncertainty=True)
    assert result.item == result.values.with_suffix(".json")
    item = read(result.item)
    assert item.datetime.isoformat().startswith("2024-08-01T10:06:0")
    assert item.properties["sen2naip_sr:datetime_from"] == "the product's metadata"
    with rasterio.open(result.values) as raster:
        proj = ProjectionExtension.ext(item)
        assert (proj.code, proj.shape) == ("EPSG:32633", list(raster.shape))
        assert Affine(*proj.transform) == raster.transform == UTM @ Affine.scale(0.5)
        assert proj.bbox == pytest.approx(raster.bounds)
        west, south, east, north = rasterio.warp.transform_bounds(
            raster.crs, "EPSG:4326", *raster.bounds
        )
    assert item.bbox == pytest.approx([west, south, east, north], abs=1e-6)
    asset = item.assets["result"]
    assert (result.item.parent / asset.href).samefile(result.values)
    bands = EOExtension.ext(asset).bands
    assert [band.common_name for band in bands] == ["red", "green", "blue", "nir"]
    assert bands[0].center_wavelength == pytest.approx(0.5535)  # as the sample states
    for band in RasterExtension.ext(asset).bands:
        assert (band.data_type, band.nodata, band.spatial_resolution) == ("uint16", 0, 5)
        assert (band.scale, band.offset) == (pytest.approx(1e-4), pytest.approx(-0.1))
    assert item.properties["processing:software"] == {"sen2naip_sr": sr.__version__}
    assert item.properties["processing:level"] == "L2A"
    assert model.label in item.properties["processing:lineage"]
    assert item.properties["sen2naip_sr:made_with"] == result.made_with
    (origin,) = links(item)
    assert (result.item.parent / origin.href).samefile(safe)
    half_widths = RasterExtension.ext(item.assets["interval"]).bands
    assert {band.data_type for band in half_widths} == {"float32"}
    assert all(b.common_name is None for b in EOExtension.ext(item.assets["interval"]).bands)


def test_the_item_of_a_result_is_a_source(model, tmp_path):
    first = model.upscale(sentinel2(tmp_path, pixels()), tmp_path / "first.tif", stac=True)
    direct = model.upscale(first.values, tmp_path / "direct.tif")
    through = model.upscale(first.item, tmp_path / "through.tif", stac=True)
    with rasterio.open(direct.values) as one, rasterio.open(through.values) as other:
        np.testing.assert_array_equal(one.read(), other.read())
        assert one.scales == other.scales and one.offsets == other.offsets
    (origin,) = links(read(through.item))
    assert (origin.media_type, origin.href) == ("application/geo+json", "first.json")


def test_a_day_is_a_span_and_without_metadata_it_is_said_what_the_time_is(model, tmp_path):
    scene = landsat(tmp_path, pixels())
    item = read(model.upscale(scene, tmp_path / "a.tif", stac=True).item)
    assert item.datetime is None and "the day" in item.properties["sen2naip_sr:datetime_from"]
    span = item.common_metadata.end_datetime - item.common_metadata.start_datetime
    assert span.total_seconds() == 24 * 3600 - 1
    assert item.properties["start_datetime"] == "2023-06-01T00:00:00Z"
    scene = hls(tmp_path, pixels(dtype="int16"))
    item = read(model.upscale(scene, tmp_path / "b.tif", stac=True).item)
    assert item.properties["datetime"] == "2023-06-01T10:06:01Z"


def test_a_files_time_or_tag_stands_in(model, tmp_path, make_geotiff):
    scene = make_geotiff(tmp_path / "a.tif", size=20)
    os.utime(scene, (1_500_000_000, 1_500_000_000))
    item = read(model.upscale(scene, stac=True).item)
    assert item.datetime.timestamp() == 1_500_000_000
    assert "source's file" in item.properties["sen2naip_sr:datetime_from"]
    with rasterio.open(scene, "r+") as raster:
        raster.update_tags(TIFFTAG_DATETIME="2019:08:07 11:12:13")
    item = read(model.upscale(scene, stac=True, overwrite=True).item)
    assert item.datetime.isoformat() == "2019-08-07T11:12:13+00:00"
    # nothing says scale, offset or nodata: they are left out
    (plain, *_) = RasterExtension.ext(item.assets["result"]).bands
    assert (plain.scale, plain.offset, plain.nodata) == (None, None, None)


def test_a_part_lies_where_the_part_lies_and_no_place_is_said(model, tmp_path, make_geotiff):
    scene = make_geotiff(tmp_path / "a.tif", size=40)
    whole = read(model.upscale(scene, stac=True).item)
    part = read(model.upscale(scene, tmp_path / "p.tif", window=(20, 0, 20, 40), stac=True).item)
    # the grid is not quite in line with meridians
    middle = (whole.bbox[0] + whole.bbox[2]) / 2
    assert part.bbox[0] == pytest.approx(middle, abs=0.05 * (whole.bbox[2] - whole.bbox[0]))
    bare = make_geotiff(tmp_path / "b.tif", size=20, crs=None, transform=Affine.identity())
    item = read(model.upscale(bare, stac=True).item)
    assert item.geometry is None and item.bbox is None
    assert item.properties["sen2naip_sr:footprint"] == "no place on the ground"


def test_a_missing_item_is_added_to_a_finished_result(weights, tmp_path, make_geotiff):
    make_geotiff(tmp_path / "in" / "a.tif", size=20)
    given = {"source": str(tmp_path / "in"), "output": tmp_path / "out", "weights": weights}
    (first,) = upscale_all(make_parameters(**given), print)
    assert (first.state, first.job.item.exists()) == ("done", False)
    changed = first.job.target.stat().st_mtime_ns
    (again,) = upscale_all(make_parameters(**given, stac=True), print)
    assert again.state == "skipped" and first.job.target.stat().st_mtime_ns == changed
    content = first.job.item.read_bytes()
    read(first.job.item)
    upscale_all(make_parameters(**given, stac=True), print)
    assert first.job.item.read_bytes() == content


def test_other_peoples_files_are_kept(model, tmp_path, make_geotiff):
    scene = make_geotiff(tmp_path / "a.tif", size=20)
    mine = tmp_path / "a_x2.json"
    mine.write_text('{"properties": {"processing:software": {"other": "1"}}}')
    with pytest.raises(UserError, match="exists already"):
        model.upscale(scene, stac=True)
    assert "other" in mine.read_text() and not (tmp_path / "a_x2.tif").exists()
    with pytest.raises(UserError, match="input itself"):
        item = stac_item(tmp_path, pixels())
        model.upscale(item, item.with_suffix(".tif"), stac=True, overwrite=True)
    with pytest.raises(UserError, match="'stac' does not apply"):
        model.upscale(np.zeros((4, 20, 20), "uint8"), stac=True)


@pytest.mark.parametrize(
    ("source", "href"),
    [
        ("https://me:secret@a.org/x/b.tif?sig=secret", "https://a.org/x/b.tif"),
        ("/vsicurl/https://a.org/b.tif?sig=secret", "https://a.org/b.tif"),
        ("/vsicurl?pc_url_signing=yes&url=https://a.org/b.tif", "https://a.org/b.tif"),
        ("s3://bucket/a/b.tif", "s3://bucket/a/b.tif"),
        ("/vsizip/vsicurl/https://a.org/b.zip/c.tif", "https://a.org/b.zip/c.tif"),
    ],
)
def test_links_to_servers_tell_no_secrets(source, href, tmp_path):
    (link,) = derived_from(source, None, tmp_path)
    assert link["href"] == href
    assert "secret" not in json.dumps(link)


def test_weights_are_items_of_the_extension_for_models():
    found = describe_weights()["features"]
    named = [known["id"].removeprefix("sen2naip_sr-") for known in found]
    assert named[: len(GENERAL)] == [*GENERAL]
    for known in found:
        JsonSchemaSTACValidator().validate_core(known, pystac.STACObjectType.ITEM, "1.1.0")
        item = pystac.Item.from_dict(known)
        model = MLMExtension.ext(item)
        assert model.tasks == ["super-resolution"] and model.framework == "PyTorch"
        assert model.total_parameters > 100_000
        (given,), (made,) = model.input, model.output
        assert given.bands == ["red", "green", "blue", "nir"]
        assert given.input.shape == made.result.shape == [-1, 4, -1, -1]
        # one object a band, as the extension's schema has it; pystac's class takes one in all
        scaling = known["properties"]["mlm:input"][0]["value_scaling"]
        assert [band["type"] for band in scaling] == ["min-max"] * 4
        asset = item.assets["weights"]
        assert AssetGeneralMLMExtension.ext(asset).artifact_type == "safetensors.torch.save_file"
        assert asset.href.startswith("file://") and "mlm:model" in asset.roles


def test_the_command_writes_and_prints_items(weights, tmp_path, make_geotiff):
    scene = make_geotiff(tmp_path / "a.tif", size=20)
    said = CliRunner().invoke(main, ["upscale", str(scene), "--weights", str(weights), "--stac"])
    assert said.exit_code == 0, said.output
    assert "STAC item: " in said.output
    read(tmp_path / "a_x2.json")
    printed = CliRunner().invoke(main, ["models", "--stac"])
    assert json.loads(printed.output) == describe_weights()
    assert CliRunner().invoke(main, ["models", "--stac", "--speed"]).exit_code == 2
