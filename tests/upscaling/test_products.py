"""Products upscaled: what their hand-stacked GeoTIFFs give, and reflectance that is right."""

import json

import numpy as np
import pandas as pd
import pytest
import rasterio
from click.testing import CliRunner
from made_products import (
    DATES,
    hls,
    landsat,
    pixels,
    planetscope,
    sentinel2,
    stac_item,
    stacked,
    theia,
    write_raster,
    zipped,
)
from tiny_weights import write_weights

import sen2naip_sr as sr
from sen2naip_sr.chips.store import read_store
from sen2naip_sr.command import main
from sen2naip_sr.pipelines.upscaling.nodes import upscale_scenes
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.sources.ingest import Ingestion
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.upscaling.batch import upscale_all
from sen2naip_sr.upscaling.finished import source_state
from sen2naip_sr.upscaling.parameters import make_parameters


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    return write_weights(folder / "small.safetensors", conditions=True)


@pytest.fixture(scope="module")
def ground():
    values = pixels()
    values[:, :9, :7] = 0
    return values


def read(path):
    with rasterio.open(path) as source:
        return source.read(), source.tags()


MADE = {
    "L2A": (sentinel2, 0),
    "L1C zip": (lambda folder, v: zipped(sentinel2(folder, v, level="L1C")), 0),
    "Theia": (theia, -10_000),
    "Landsat": (landsat, 0),
    "HLS": (hls, -9999),
    "PlanetScope": (lambda folder, v: planetscope(folder, v, bands=8), 0),
    "STAC": (stac_item, 0),
}


@pytest.mark.parametrize("kind", MADE)
def test_the_result_is_that_of_the_stack_made_by_hand(tmp_path, ground, weights, kind):
    make, nodata = MADE[kind]
    values = ground
    if nodata:
        values = ground.astype("int16")
        values[values == 0] = nodata
    given = {"model": weights, "device": "cpu"}
    source = make(tmp_path, values)
    target = sr.upscale(source, **given)
    by_hand = stacked(tmp_path / "hand.tif", values, nodata)
    found, tags = read(target)
    expected, others = read(sr.upscale(by_hand, tmp_path / "hand_x2.tif", **given))
    np.testing.assert_array_equal(found, expected)
    for name in ("NOISE", "BLUR", "SHARPNESS", "RANGE"):
        assert tags[f"SEN2NAIP_SR_{name}"] == others[f"SEN2NAIP_SR_{name}"]
    assert "estimated" in tags["SEN2NAIP_SR_NOISE"]
    assert target.parent == tmp_path
    assert target.name.endswith("_x2.tif")


@pytest.mark.parametrize("baseline", DATES)
def test_ndvi_of_the_result_is_that_of_its_reflectance(tmp_path, ground, weights, baseline):
    target = sr.upscale(sentinel2(tmp_path, ground, baseline=baseline), model=weights, device="cpu")
    with rasterio.open(target) as result:
        numbers = result.read().astype(np.float64)
        assert result.descriptions == ("red", "green", "blue", "nir")
        scales, offsets = result.scales, result.offsets
    red, nir = (scales[n] * numbers[n] + offsets[n] for n in (0, 3))
    added = {"02.14": 0, "04.00": -1000, "05.11": -1000}[baseline]
    true_red, true_nir = ((numbers[n] + added) / 10_000 for n in (0, 3))
    data = numbers[0] != 0
    np.testing.assert_allclose(
        ((nir - red) / (nir + red))[data],
        ((true_nir - true_red) / (true_nir + true_red))[data],
        rtol=0,
        atol=1e-6,
    )


def test_what_is_published_stands_in_where_nothing_can_be_estimated(tmp_path, weights, caplog):
    flat = np.full((4, 96, 96), 1500, "uint16")
    target = sr.upscale(sentinel2(tmp_path, flat), model=weights, device="cpu")
    _, tags = read(target)
    assert tags["SEN2NAIP_SR_BLUR"].startswith("0.55 x 0.55 pixels (assumed")
    assert tags["SEN2NAIP_SR_NOISE"].startswith("16, 13, 13, 18 digital numbers (assumed")
    assert "published of Sentinel-2 MSI is assumed" in caplog.text


def test_areas_of_products(tmp_path, ground, weights):
    safe = sentinel2(tmp_path, ground)
    given = {"model": weights, "device": "cpu", "tile": 32}
    whole, _ = read(sr.upscale(safe, tmp_path / "whole.tif", **given))
    part, _ = read(sr.upscale(safe, tmp_path / "part.tif", window=(5, 60, 70, 20), **given))
    np.testing.assert_array_equal(part, whole[:, 120:160, 10:150])


def test_folders_of_products_and_rasters(tmp_path, ground, weights):
    folder = tmp_path / "in"
    sentinel2(folder, ground)
    zipped(sentinel2(tmp_path / "zips", ground, level="L1C"), folder / "other.zip")
    theia(folder / "deeper", ground.astype("int16"))
    for craft in ("LC08", "LC09"):
        for path in landsat(tmp_path / "made", ground, craft=craft).iterdir():
            (folder / "flat").mkdir(exist_ok=True)
            path.rename(folder / "flat" / path.name)
    planetscope(folder / "planet", ground, udm2=np.zeros((96, 96), "uint8"))
    stacked(folder / "plain.tif", ground)
    said = []
    parameters = make_parameters(
        source=str(folder), output=tmp_path / "out", weights=weights, device="cpu"
    )
    outcomes = upscale_all(parameters, said.append)
    assert {outcome.state for outcome in outcomes} == {"done"}, said
    made = {path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.rglob("*_x2.tif")}
    assert {name.split("_")[0] for name in made} == {
        "S2A", "deeper/SENTINEL2A", "flat/LC08", "flat/LC09", "planet/20230601", "plain",
    }  # fmt: skip
    assert len(made) == 7
    assert {outcome.state for outcome in upscale_all(parameters, said.append)} == {"skipped"}


def test_a_changed_band_is_upscaled_again(tmp_path, ground):
    safe = sentinel2(tmp_path, ground)
    before = source_state(safe)
    assert source_state(safe) == before
    file = next(safe.glob("GRANULE/*/IMG_DATA/R10m/*_B08_10m.jp2"))
    write_raster(file, ground[0], driver="JP2OpenJPEG")
    assert source_state(safe) != before


def test_products_are_ingested(tmp_path, ground):
    folder = tmp_path / "in"
    safe = sentinel2(folder, ground)
    stacked(folder / "plain.tif", ground)
    source = DirectorySource(folder)
    assert [file.name for file in source.files()] == [safe.name, "plain.tif"]
    parameters = IngestionParameters(
        source="directory", path=str(folder), chip_size=32, place="file", min_valid_fraction=0.9
    )
    ingestion = Ingestion(source, parameters)
    ingestion.make(tmp_path / "store")
    store = read_store(tmp_path / "store")
    np.testing.assert_array_equal(store.chips[8], ground[:, 64:, 64:])
    rejected = pd.read_parquet(tmp_path / "store" / "rejected.parquet")
    assert len(store.chips) == len(rejected) == 9
    assert set(rejected["reason"]) == {f"has the same pixels as {safe.name}"}


def test_kedro_takes_products_and_areas(tmp_path, ground, weights):
    safe = sentinel2(tmp_path, ground)
    parameters = make_parameters(
        source=str(safe), weights=weights, device="cpu", window=[0, 32, 40, 24]
    )
    table, _ = upscale_scenes(parameters)
    assert table.loc[0, "state"] == "done"
    assert (table.loc[0, "width"], table.loc[0, "height"]) == (80, 48)


def invoke(*words):
    answer = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    return answer.exit_code, " ".join(answer.output.split())


def test_the_command_takes_stacks(tmp_path, ground, weights):
    safe = sentinel2(tmp_path, ground)
    folder = next(safe.glob("GRANULE/*/IMG_DATA/R10m"))
    stack = "red=*_B04_10m.jp2,green=*_B03_10m.jp2,blue=*_B02_10m.jp2,nir=*_B08_10m.jp2"
    code, told = invoke(
        "upscale", folder, "--stack", stack, "--nodata", 0, "--weights", weights,
        "-o", tmp_path / "x.tif",
    )  # fmt: skip
    assert code == 0, told
    expected, _ = read(sr.upscale(safe, model=weights))
    np.testing.assert_array_equal(read(tmp_path / "x.tif")[0], expected)
    code, told = invoke("upscale", folder, "--stack", "red=*.jp2", "--weights", weights)
    assert code == 1
    assert "fits" in told
    assert "(--stack red=FILE,green=FILE,blue=FILE,nir=FILE)" in told


def test_info_says_what_a_product_is(tmp_path, ground):
    code, told = invoke("info", sentinel2(tmp_path, ground), "--window", "90,90,20,20")
    assert code == 0
    for words in (
        "Sentinel-2 L2A",
        "baseline or version 05.11",
        "2024-08-01T10:06:01.024Z",
        "red (B04, 553.5 nm)",
        "by the names of their files",
        "96 x 96 of uint16, 10 x 10 each, EPSG:32633",
        "nodata 0",
        "0.0001 x value -0.1, by BOA_QUANTIFICATION_VALUE 10000 and BOA_ADD_OFFSET -1000",
        "16, 13, 13, 18 digital numbers, published of Sentinel-2 MSI",
        "0.55 pixels, published of Sentinel-2 MSI",
        "6 x 6 pixels from column 90, row 90",
        "12 x 12 pixels, up to 0.0 MB; about 5 s with default",
    ):
        assert words in told


def test_info_says_what_a_raster_is(tmp_path, make_geotiff):
    named = make_geotiff(tmp_path / "a.tif", descriptions=["blue", "green", "red", "nir"])
    assert "by their names, red, green, blue, nir are 3, 2, 1, 4" in invoke("info", named)[1]
    eight = make_geotiff(tmp_path / "b.tif", bands=8)
    assert "8 bands, and 4 are expected" in invoke("info", eight)[1]
    plain = make_geotiff(tmp_path / "c.tif", nodata=7)
    told = invoke("info", plain, "--noise", "2")[1]
    assert "nothing says that they are red, green, blue, nir" in told
    assert "noise 2, as given" in told
    assert "nodata 7" in told
    code, told = invoke("info", tmp_path / "missing.tif")
    assert code == 1
    assert "no such file" in told


def test_items_of_local_catalogues_give_the_pixels_of_their_files(tmp_path, ground, weights):
    item = stac_item(tmp_path, ground)
    document = json.loads(item.read_text())
    assert all(not a["href"].startswith("/") for a in document["assets"].values())
    found, _ = read(sr.upscale(item, model=weights, device="cpu"))
    by_hand = stacked(tmp_path / "hand.tif", ground)
    np.testing.assert_array_equal(found, read(sr.upscale(by_hand, model=weights, device="cpu"))[0])
