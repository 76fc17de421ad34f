"""Products upscaled: what their hand-stacked GeoTIFFs give, and reflectance that is right."""

import json
import signal
import subprocess
import sys

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
from sen2naip_sr.errors import UserError
from sen2naip_sr.pipelines.upscaling.nodes import upscale_scenes
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.sources.ingest import Ingestion
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.upscaling.batch import upscale_all
from sen2naip_sr.upscaling.finished import source_state
from sen2naip_sr.upscaling.parameters import make_parameters
from sen2naip_sr.upscaling.scenes import find_jobs


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
    assert tags["SEN2NAIP_SR_BLUR"].startswith("0.52 x 0.52 pixels (assumed")
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


def outcomes_of(source, weights, **options):
    parameters = make_parameters(source=str(source), weights=weights, device="cpu", **options)
    return upscale_all(parameters, lambda line: None)


def results(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*_x2.tif"))


def test_items_in_folders_are_scenes_and_their_files_are_not(tmp_path, ground, weights):
    folder = tmp_path / "in"
    for name, version in (("a", "1.0.0"), ("b", "1.1.0")):
        item = stac_item(folder / name, ground, version=version)
        item.write_text(item.read_text().replace("S2A_33TWN_20230601", f"item-{name}"))
    stac_item(folder / "one", ground, one_asset=True)
    # what is none: other JSON, an item without bands, and one that names a product's files
    (folder / "other.json").write_text('{"stac_version": "1.0.0", "links": []}')
    stacked(folder / "mask.tif", ground)
    masks = {"mask": {"href": "mask.tif", "roles": ["data"]}}
    (folder / "mask.json").write_text(json.dumps({"stac_version": "1.0.0", "assets": masks}))
    safe = sentinel2(folder, ground)
    document = json.loads(stac_item(tmp_path / "made", ground).read_text())
    for asset in document["assets"].values():
        (name,) = [n for n in ("B02", "B03", "B04", "B08", "none") if n in asset["href"]]
        found = next(safe.glob(f"GRANULE/*/IMG_DATA/R10m/*_{name}_10m.jp2"), None)
        asset["href"] = found.relative_to(folder).as_posix() if found else "none.tif"
    (folder / "of-safe.json").write_text(json.dumps(document))
    outcomes = outcomes_of(folder, weights, output=tmp_path / "out", stac=True)
    assert {outcome.state for outcome in outcomes} == {"done"}
    expected = ["a/item-a", "b/item-b", "mask", "one/S2A_33TWN_20230601", safe.stem]
    assert results(tmp_path / "out") == sorted(f"{name}_x2.tif" for name in expected)
    pixels_of = {name: read(tmp_path / "out" / f"{name}_x2.tif")[0] for name in expected}
    assert all(np.array_equal(pixels_of["mask"], found) for found in pixels_of.values())
    # results, and the items that were written beside them, are no scenes
    with pytest.raises(UserError, match="no raster"):
        outcomes_of(tmp_path / "out", weights, output=tmp_path / "again")


PRODUCTS = {
    "S2A": lambda folder, v: sentinel2(folder, v).parent,
    "SENTINEL2A": lambda folder, v: theia(folder, v.astype("int16")).parent,
    "LC08": landsat,
    "HLS.L30": lambda folder, v: hls(folder, v.astype("int16")),
    "20230601": lambda folder, v: planetscope(folder, v, udm=np.zeros((96, 96), "uint8")).parent,
}


@pytest.mark.parametrize("start", PRODUCTS)
def test_a_folder_of_one_product_is_that_and_with_more_it_is_several_scenes(
    tmp_path, ground, start
):
    folder = PRODUCTS[start](tmp_path / "in", ground)
    (job,) = find_jobs(str(folder), None)
    assert job.target.name.startswith(start) and job.fault is None
    stacked(folder / "plain.tif", ground)
    first, second = find_jobs(str(folder), None)
    assert first.target.name == job.target.name
    assert second.target == folder / "plain_x2.tif"
    # results, their items and other files are no scenes
    for name in (job.target.name, "plain_x2.tif", "plain_x2.json", "notes.json"):
        (folder / name).write_text("{}")
    assert len(find_jobs(str(folder), None)) == 2


@pytest.mark.parametrize("name", ["../../outside", "/outside", ".hidden", "a/b", "..", "x" * 400])
def test_names_in_metadata_lead_to_no_other_folder(tmp_path, ground, name):
    folder = tmp_path / "in"
    item = stac_item(folder, ground)
    item.write_text(item.read_text().replace("S2A_33TWN_20230601", name))
    for output in (None, tmp_path / "out"):
        (job,) = find_jobs(str(item), output)
        assert job.target.parent == (output or folder)
        assert not job.target.name.startswith(".")
        assert len(job.target.name) < 255


def test_patterns_fit_products_too(tmp_path, ground, weights):
    folder = tmp_path / "in"
    safe = sentinel2(folder, ground)
    zipped(sentinel2(tmp_path, ground, baseline="02.14"), folder / "b.zip")
    stac_item(folder / "item", ground)
    (folder / "empty").mkdir()
    stacked(folder / "plain.tif", ground)
    for pattern, count in (("*.SAFE", 1), ("*.zip", 1), ("*", 3), ("**", 4)):
        outcomes = outcomes_of(folder / pattern, weights, output=tmp_path / "out")
        assert len(outcomes) == count
        assert {outcome.state for outcome in outcomes} <= {"done", "skipped"}
    assert results(tmp_path / "out")[-1] == "plain_x2.tif"
    (safe / "MTD_MSIL2A.xml").write_text("<cut")
    (outcome,) = outcomes_of(folder / "*.SAFE", weights, output=tmp_path / "out")
    assert outcome.code == "product-damaged"


def killed_at(source, weights, tile):
    """Upscale in a process of its own, and kill it when so many tiles are done."""
    command = [sys.executable, "-c", "from sen2naip_sr.command import main; main()", "upscale"]
    command += [str(source), "--weights", str(weights), "--tile", "32", "--progress", "json"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        for line in process.stderr:
            if line.startswith(b"{") and json.loads(line).get("done", 0) >= tile:
                break
        process.kill()
    assert process.returncode == -signal.SIGKILL


def test_a_killed_granule_is_started_again(tmp_path, ground, weights):
    safe = sentinel2(tmp_path / "killed", ground)
    killed_at(safe, weights, 4)
    target = safe.with_name(f"{safe.stem}_x2.tif")
    assert not target.exists()
    options = {"model": weights, "device": "cpu", "tile": 32}
    assert sr.upscale(safe, **options) == target
    whole = sr.upscale(safe, tmp_path / "whole.tif", **options)
    np.testing.assert_array_equal(read(target)[0], read(whole)[0])
    assert sorted(path.name for path in safe.parent.iterdir()) == [safe.name, target.name]


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


def test_items_of_local_catalogues_give_the_pixels_of_their_files(tmp_path, ground, weights):
    item = stac_item(tmp_path, ground)
    document = json.loads(item.read_text())
    assert all(not a["href"].startswith("/") for a in document["assets"].values())
    found, _ = read(sr.upscale(item, model=weights, device="cpu"))
    by_hand = stacked(tmp_path / "hand.tif", ground)
    np.testing.assert_array_equal(found, read(sr.upscale(by_hand, model=weights, device="cpu"))[0])
