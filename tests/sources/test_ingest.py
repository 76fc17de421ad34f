import errno
import json
import logging
import os
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine
from conftest import UTM, random_pixels
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.store import StoreWriter, read_store, require_store
from sen2naip_sr.chips.validity import valid_pixels
from sen2naip_sr.errors import UserError
from sen2naip_sr.sources import ingest, survey
from sen2naip_sr.sources.base import PathFile
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.sources.ingest import Ingestion
from sen2naip_sr.sources.parameters import IngestionParameters


def ingestion(folder, **parameters):
    return Ingestion(
        DirectorySource(folder), IngestionParameters(source="directory", path="x", **parameters)
    )


@pytest.fixture
def raw(tmp_path):
    return tmp_path / "raw"


@pytest.fixture
def make(tmp_path, raw):
    """Ingest the raw folder and return the store."""

    def run(**parameters):
        ingestion(raw, **parameters).make(tmp_path / "hr")
        return require_store(tmp_path / "hr")

    return run


def reasons(store):
    table = store.table("rejected")
    assert list(table.columns) == ["file", "row", "column", "reason", "remedy"]
    assert (table["remedy"].str.len() > 0).all()
    return dict(zip(table["file"], table["reason"], strict=True))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_every_chip_equals_the_ground_that_its_row_names(raw, make, make_geotiff, dtype):
    for seed in range(3):
        path = raw / f"place{seed}" / "a.tif"
        make_geotiff(path, size=(70, 100), dtype=dtype, seed=seed, descriptions=("red", "green"))
    store = make(chip_size=32, value_range=(0, 1))
    index = store.table("index")
    assert store.manifest.dtype == dtype
    assert store.manifest.shape == (3 * 2 * 3, 4, 32, 32)
    assert store.attributes["bands"] == ["red", "green", "band 3", "band 4"]
    for chip in index.itertuples():
        with rasterio.open(raw / chip.file) as scene:
            # found by its coordinates alone
            row, column = scene.index(chip.left + 0.3, chip.top - 0.3)
            ground = scene.read()[:, row : row + 32, column : column + 32]
        np.testing.assert_array_equal(store.chips[chip.chip], ground)
        assert (row, column) == (chip.row, chip.column)
        assert chip.right - chip.left == pytest.approx(32 * 0.6)
        assert chip.crs == "EPSG:26911"
    assert index["place"].nunique() == 3
    assert len(store.table("rejected")) == 0


def test_chips_of_large_files_go_on_beyond_the_first_reading(raw, make, make_geotiff):
    make_geotiff(raw / "a.tif", size=(40, 16 * (ingest.CHIPS_AT_ONCE + 3)))
    store = make(chip_size=16)
    scene = random_pixels(4, (40, 16 * (ingest.CHIPS_AT_ONCE + 3)))
    index = store.table("index")
    assert len(index) == 2 * (ingest.CHIPS_AT_ONCE + 3)
    for chip in index.itertuples():
        expected = scene[:, chip.row : chip.row + 16, chip.column : chip.column + 16]
        np.testing.assert_array_equal(store.chips[chip.chip], expected)


def test_a_large_file_is_hashed_once(raw, make, make_geotiff, monkeypatch):
    make_geotiff(raw / "a.tif", size=128)
    calls = []
    sha256 = PathFile.sha256
    monkeypatch.setattr(PathFile, "sha256", lambda file: calls.append(file.name) or sha256(file))
    assert len(make(chip_size=16).chips) == 64
    assert calls == ["a.tif"]


@dataclass
class Fault:
    make: object
    reason: str


def cut_off(share, **options):
    def make(path, make_geotiff):
        make_geotiff(path, seed=9, **options)
        os.truncate(path, int(path.stat().st_size * share))

    return make


def geotiff(*array, **options):
    return lambda path, make_geotiff: make_geotiff(path, *array, **{"seed": 9, **options})


FAULTS = {
    "empty": Fault(lambda path, _: path.write_bytes(b""), "is empty"),
    "text": Fault(lambda path, _: path.write_text("no image"), "is no raster"),
    "broken link": Fault(lambda path, _: path.symlink_to("nowhere"), "there is no such file"),
    "cut off": Fault(cut_off(0.6), "cannot be read"),
    "cut off deflate": Fault(cut_off(0.6, compress="deflate"), "cannot be read"),
    "cut off header": Fault(cut_off(0.001), "is no raster"),
    "3 bands": Fault(geotiff(bands=3), "has 3 bands, 4 are required"),
    "5 bands": Fault(geotiff(bands=5), "has 5 bands, 4 are required"),
    "uint16": Fault(geotiff(dtype="uint16"), "its pixels are uint16, most files' are uint8"),
    "complex": Fault(geotiff(np.ones((4, 64, 64), "complex64")), "complex64 type"),
    "small": Fault(geotiff(size=(64, 50)), "50 x 64 pixels are smaller than a chip of 64"),
    "constant": Fault(geotiff(np.full((4, 64, 64), 3, "uint8")), "every band is constant"),
    "nodata": Fault(geotiff(np.zeros((4, 64, 64), "uint8"), nodata=0), "0.0% of the pixels"),
    "duplicate": Fault(geotiff(seed=0), "has the same pixels as a/0.tif"),
}


def test_every_fault_is_a_row_and_the_rest_is_ingested(raw, make, make_geotiff, capfd):
    for seed in range(len(FAULTS)):
        make_geotiff(raw / "a" / f"{seed}.tif", seed=seed if seed < 9 else seed + 1)
    for name, fault in FAULTS.items():
        (raw / "b").mkdir(exist_ok=True)
        fault.make(raw / "b" / f"{name}.tif", make_geotiff)
    capfd.readouterr()
    store = make()
    captured = capfd.readouterr()
    assert "TIFF" not in captured.out + captured.err, "GDAL is silent, the table says it all"
    assert store.table("index")["file"].str.startswith("a/").all()
    assert len(store.chips) == len(FAULTS)
    found = reasons(store)
    assert set(found) == {f"b/{name}.tif" for name in FAULTS}
    for name, fault in FAULTS.items():
        assert fault.reason in found[f"b/{name}.tif"], name


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ("duplicate", "uint16")])
def test_a_fault_without_any_usable_file_is_named(raw, make, make_geotiff, tmp_path, name):
    raw.mkdir()
    FAULTS[name].make(raw / "a.tif", make_geotiff)
    with pytest.raises(UserError) as caught:
        make(chip_size=64)
    assert "a.tif" in caught.value.problem
    assert FAULTS[name].reason in caught.value.problem
    assert caught.value.remedy
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_floats_that_are_no_numbers_are_invalid_pixels(raw, make, make_geotiff, value):
    pixels = random_pixels(4, 64, "float32", 5)
    pixels[2, 3, 4] = value
    make_geotiff(raw / "a.tif", pixels)
    pixels = random_pixels(4, 64, "float32", 6)
    pixels[:, :9] = value
    make_geotiff(raw / "b.tif", pixels)
    store = make(value_range=(0, 1))
    assert reasons(store) == {"b.tif": "only 85.9% of the pixels are valid, the rest is nodata"}
    assert np.argwhere(~store.validity[0]).tolist() == [[2, 3, 4]]
    assert np.isfinite(store.chips[0]).all()
    assert store.attributes["value_range"] == [0, 1]


def test_floats_need_a_stated_range(raw, make, make_geotiff):
    make_geotiff(raw / "a.tif", dtype="float32")
    with pytest.raises(UserError, match="float32"):
        make()


def test_a_damaged_large_file_gives_a_row_for_each_lost_chip(raw, make, make_geotiff):
    make_geotiff(raw / "a.tif", size=128, blockysize=16)
    os.truncate(raw / "a.tif", 128 * 128 * 4 * 6 // 10)
    make_geotiff(raw / "b.tif", size=128, seed=1)
    store = make(chip_size=16)
    rejected = store.table("rejected")
    assert len(store.chips) + len(rejected) == 128
    assert len(store.chips) > 64
    assert rejected["row"].notna().all()
    assert (rejected["file"] == "a.tif").all()


@pytest.mark.parametrize("act", ["open", "sha256"])
@pytest.mark.parametrize(
    "error",
    [PermissionError(13, "Permission denied"), FileNotFoundError(2, "No such file")],
    ids=["unreadable", "vanished"],
)
def test_a_file_that_cannot_be_read_any_more_is_a_row(
    raw, make, make_geotiff, monkeypatch, act, *, error
):
    for seed in range(3):
        make_geotiff(raw / f"{seed}.tif", seed=seed)
    original = getattr(PathFile, act)

    def refuse(file):
        if file.name == "1.tif":
            raise error
        return original(file)

    monkeypatch.setattr(PathFile, act, refuse)
    found = reasons(make())
    assert list(found) == ["1.tif"]
    assert error.strerror in found["1.tif"]


def test_a_large_file_that_vanishes_half_way_is_a_row(raw, make, make_geotiff, monkeypatch):
    make_geotiff(raw / "a.tif", size=128)
    opened = []
    original = PathFile.open

    def vanish(file):
        opened.append(file.name)
        if len(opened) > 2:
            raise RasterioIOError("No such file or directory")
        return original(file)

    monkeypatch.setattr(PathFile, "open", vanish)
    store = make(chip_size=16)
    assert len(store.chips) == ingest.CHIPS_AT_ONCE
    assert "No such file" in reasons(store)["a.tif"]


def test_files_without_a_crs_are_taken_silently_and_marked_by_an_empty_one(
    raw, make, make_geotiff, capfd
):
    make_geotiff(raw / "a.tif", crs=None, transform=Affine.identity())
    with warnings.catch_warnings():
        warnings.simplefilter("error", NotGeoreferencedWarning)
        index = make().table("index")
    assert "Warning" not in capfd.readouterr().err
    assert index["crs"].tolist() == [""]
    assert index[["left", "bottom", "right", "top"]].iloc[0].tolist() == [0, 0, 64, 64]


def test_a_rotated_scene_is_kept_with_bounds_around_its_corners(raw, make, make_geotiff):
    rotated = UTM @ Affine.rotation(30)
    make_geotiff(raw / "a.tif", size=32, transform=rotated)
    chip = make().table("index").iloc[0]
    assert json.loads(chip["transform"]) == pytest.approx(rotated[:6])
    corners = np.array([rotated @ corner for corner in ((0, 0), (32, 0), (0, 32), (32, 32))])
    assert chip[["left", "bottom"]].tolist() == pytest.approx(corners.min(0))
    assert chip[["right", "top"]].tolist() == pytest.approx(corners.max(0))


@pytest.mark.parametrize(
    ("sizes", "chip"),
    [([65, 65, 32], 64), ([64, 32], 32), ([600, 600, 64], 484), ([(64, 48)], 48)],
    ids=["odd sides are evened", "ties go to the smaller", "scenes", "the shorter side"],
)
def test_the_default_chip_is_what_most_files_hold(raw, make, make_geotiff, sizes, chip):
    for seed, size in enumerate(sizes):
        make_geotiff(raw / f"{seed}.tif", size=size, seed=seed)
    assert make().manifest.shape[2:] == (chip, chip)


def test_all_files_decide_where_the_sampled_ones_disagree(raw, make, make_geotiff, monkeypatch):
    monkeypatch.setattr(survey, "SAMPLED_FILES", 3)
    dtypes = ["uint8"] * 4 + ["uint16"] * 5
    for seed, dtype in enumerate(dtypes):
        make_geotiff(raw / f"{seed}.tif", size=16, dtype=dtype, seed=seed)
    store = make()
    assert store.manifest.dtype == "uint16"
    assert list(reasons(store)) == ["0.tif", "1.tif", "2.tif", "3.tif"]


def test_bands_are_chosen_and_ordered_by_number(raw, make, make_geotiff):
    make_geotiff(raw / "a.tif", bands=5, size=16, descriptions=("r", "g", "b", "n", "x"))
    store = make(bands=[4, 3])
    np.testing.assert_array_equal(store.chips[0], random_pixels(5, 16)[[3, 2]])
    assert store.attributes["bands"] == ["n", "b"]


def test_a_current_store_is_not_made_again(raw, make, make_geotiff, tmp_path):
    make_geotiff(raw / "a.tif")
    make()
    before = (tmp_path / "hr" / "manifest.json").stat().st_mtime_ns
    make()
    assert (tmp_path / "hr" / "manifest.json").stat().st_mtime_ns == before
    make_geotiff(raw / "b.tif", seed=1)
    assert len(make().chips) == 2
    assert len(make(chip_size=16).chips) == 32


def test_the_content_hash_follows_the_pixels_only(raw, make, make_geotiff):
    make_geotiff(raw / "a.tif")
    first = make().manifest
    moved = make(place="file").manifest
    assert moved.content == first.content
    assert moved.fingerprint != first.fingerprint
    make_geotiff(raw / "a.tif", seed=1)
    assert make().manifest.content != first.content


def test_a_full_disk_keeps_the_old_store_and_is_told(
    raw, make, make_geotiff, tmp_path, monkeypatch
):
    make_geotiff(raw / "a.tif")
    make()
    old = read_store(tmp_path / "hr").manifest
    make_geotiff(raw / "b.tif", seed=1)
    append = StoreWriter.append

    def full(writer, chip, valid):
        if writer.count == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(writer, chip, valid)

    monkeypatch.setattr(StoreWriter, "append", full)
    with pytest.raises(OSError, match="No space left") as caught:
        make()
    assert caught.value.errno == errno.ENOSPC
    assert read_store(tmp_path / "hr").manifest == old
    assert {path.name for path in tmp_path.iterdir()} == {"raw", "hr"}


def test_chips_keep_their_numbers_whatever_thread_is_first(raw, make, make_geotiff, tmp_path):
    for seed in range(20):
        make_geotiff(raw / f"{seed:02}.tif", size=16, seed=seed)
    first = make().table("index")
    shutil.rmtree(tmp_path / "hr")
    again = make().table("index")
    assert first.equals(again)
    assert first["file"].is_monotonic_increasing


def test_reduced_chips_keep_their_ground(raw, make, make_geotiff):
    make_geotiff(raw / "a" / "a.tif", size=(64, 64), seed=1)
    whole = make(chip_size=32, value_range=(0, 1)).table("index")
    store = make(chip_size=32, value_range=(0, 1), reduce=4)
    assert store.manifest.shape[2:] == (8, 8)
    bounds = ["left", "bottom", "right", "top", "row", "column"]
    pd.testing.assert_frame_equal(store.table("index")[bounds], whole[bounds])


def test_reduced_chips_are_other_content(raw, make, make_geotiff):
    make_geotiff(raw / "a" / "a.tif", size=(64, 64), seed=1)
    contents = {make(chip_size=32, value_range=(0, 1), reduce=n).manifest.content for n in (1, 2)}
    assert len(contents) == 2  # or what is made of the chips would not be made anew


def test_a_factor_that_leaves_no_even_chip_is_refused(raw, make, make_geotiff):
    make_geotiff(raw / "a" / "a.tif", size=(64, 64))
    with pytest.raises(UserError, match="cannot be downsampled by 3"):
        make(chip_size=32, value_range=(0, 1), reduce=3)


@given(
    dtype=st.sampled_from(["uint8", "int16", "float32"]),
    share=st.sampled_from([0.0005, 0.005, 0.2]),
    seed=st.integers(0, 999),
    reduce=st.sampled_from([1, 2]),
)
@settings(max_examples=15, deadline=None)
def test_what_invalid_pixels_hold_changes_nothing_that_is_stored(dtype, share, seed, reduce):
    random = np.random.default_rng(seed)
    pixels = random.integers(20, 90, (4, 32, 32)).astype(dtype)
    mask = random.random((32, 32)) >= share
    stores = []
    for fill in (0, 100):
        with TemporaryDirectory() as folder, rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            path = Path(folder, "raw", "a.tif")
            path.parent.mkdir()
            with rasterio.open(
                path, "w", driver="GTiff", count=4, height=32, width=32, dtype=dtype,
                photometric="MINISBLACK", crs="EPSG:32633", transform=UTM,
            ) as target:  # fmt: skip
                target.write(np.where(mask, pixels, np.array(fill, dtype)))
                target.write_mask(mask)
            changes = {"value_range": (0, 100), "min_valid_fraction": 0.01, "reduce": reduce}
            ingestion(path.parent, **changes).make(Path(folder, "hr"))
            hr = require_store(Path(folder, "hr"))
            Downscaling(hr, "bicubic_antialiased").make(Path(folder, "lr"))
            lr = require_store(Path(folder, "lr"))
            arrays = [np.array(store.chips[0]) for store in (hr, lr)]
            masks = [store.validity and np.array(store.validity[0]) for store in (hr, lr)]
            stores.append((hr.manifest.content, arrays, masks))
    (content, arrays, masks), (other, again, same) = stores
    assert content == other
    for one, two in zip([*arrays, *masks], [*again, *same], strict=True):
        np.testing.assert_array_equal(one, two)
    assert all(np.isfinite(array).all() for array in arrays)


FILLS = {
    "uint16": [65535],
    "int16": [-9999, -32768],
    "float32": [-9999, -32768, 65535, 3.4e38, -3.4e38],
}


@given(
    data=st.data(),
    dtype=st.sampled_from(list(FILLS)),
    share=st.sampled_from([0.005, 0.08, 0.3]),
    chip_size=st.sampled_from([32, 64]),
)
@settings(max_examples=12, deadline=None)
def test_fill_that_is_not_declared_is_named_and_treated_as_if_it_were(
    data, dtype, share, chip_size
):
    fill = data.draw(st.sampled_from(FILLS[dtype]))
    random = np.random.default_rng(data.draw(st.integers(0, 999)))
    stores, logged = [], []
    with TemporaryDirectory() as folder:
        for number in range(2):
            pixels = random.uniform(100, 900, (4, 64, 64)).astype(dtype)
            pixels[:, random.random((64, 64)) < share] = fill
            for nodata in (None, fill):
                path = Path(folder, f"raw-{nodata}", f"{number}.tif")
                path.parent.mkdir(exist_ok=True)
                transform = Affine(1, 0, 5e5 + 1e4 * number, 0, -1, 5e6)
                with rasterio.open(
                    path, "w", driver="GTiff", count=4, height=64, width=64, dtype=dtype,
                    nodata=nodata, crs="EPSG:32633", transform=transform,
                ) as target:  # fmt: skip
                    target.write(pixels)
        handler = logging.Handler()
        handler.emit = lambda record: logged.append(record.getMessage())
        ingest.logger.addHandler(handler)
        for nodata in (None, fill):
            target = Path(folder, f"hr-{nodata}")
            raw = Path(folder, f"raw-{nodata}")
            options = {"value_range": (0, 1000), "min_valid_fraction": 0.2}
            ingestion(raw, chip_size=chip_size, **options).make(target)
            store = require_store(target)
            chips = [store.chips[n] for n in range(store.manifest.shape[0])]
            valid = [valid_pixels(store.validity, n) for n in range(len(chips))]
            stores.append((np.stack(chips), np.stack(valid)))
        ingest.logger.removeHandler(handler)
    (found,) = logged
    assert found.startswith("0.tif (and 1 more files)")
    assert f"{fill:g} in " in found and "What to do: declare the value as nodata" in found
    for unmarked, declared in zip(*stores, strict=True):
        np.testing.assert_array_equal(unmarked, declared)
    assert abs(stores[0][0].astype(float)).max() < 1000
