"""Whatever GDAL, PROJ or the disk say about one file, it is a row with a reason, and no more."""

import os
import random

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from conftest import random_pixels
from rasterio.errors import RasterioError

from sen2naip_sr.chips.store import read_store
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.faults import RASTER_FAULTS
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.sources.ingest import Ingestion
from sen2naip_sr.sources.parameters import IngestionParameters

MARS = (
    'GEOGCS["Mars",DATUM["D_Mars",SPHEROID["Mars",3396190,169.8944472]],'
    'PRIMEM["Reference",0],UNIT["degree",0.0174532925199433]]'
)
LOCAL = 'LOCAL_CS["Arbitrary (ft)",UNIT["foot",0.3048]]'
SQUARE = Affine(1, 0, 500_000, 0, -1, 5_000_000)
PLACES = {
    "local": {"crs": LOCAL, "transform": SQUARE},
    "Mars": {"crs": MARS, "transform": Affine(0.01, 0, 10, 0, -0.01, 10)},
    "latitude 95": {"crs": "EPSG:4326", "transform": Affine(0.001, 0, 10, 0, -0.001, 95)},
    "far off": {"crs": "EPSG:32633", "transform": Affine(1, 0, 1e15, 0, -1, 1e15)},
    "NaN": {"crs": "EPSG:32633", "transform": Affine(1, 0, float("nan"), 0, -1, 5e6)},
    "infinite": {"crs": "EPSG:32633", "transform": Affine(1, 0, float("inf"), 0, -1, 5e6)},
    "no extent": {"crs": "EPSG:32633", "transform": Affine(0, 0, 5e5, 0, 0, 5e6)},
}


def write(path, seed, **profile):
    path.parent.mkdir(parents=True, exist_ok=True)
    size = {"count": 4, "height": 64, "width": 64, "dtype": "uint8"}
    options = {"photometric": "MINISBLACK", "alpha": "unspecified", **size, **profile}
    with rasterio.open(path, "w", driver="GTiff", **options) as target:
        target.write(random_pixels(4, 64, seed=seed))


@pytest.fixture
def folder(tmp_path):
    for k in range(6):
        place = Affine(1, 0, 500_000 + 10_000 * k, 0, -1, 5_000_000)
        write(tmp_path / "raw" / f"p{k % 3}" / f"{k}.tif", k, crs="EPSG:32633", transform=place)
    return tmp_path / "raw"


def ingested(folder, **changes):
    parameters = IngestionParameters(source="directory", path=str(folder), **changes)
    Ingestion(DirectorySource(folder), parameters).make(folder.parent / "store")
    store = read_store(folder.parent / "store")
    rejected = store.table("rejected")
    assert rejected["reason"].str.len().gt(5).all()
    assert rejected["remedy"].str.len().gt(5).all()
    return store, dict(zip(rejected["file"], rejected["reason"], strict=True))


@pytest.mark.parametrize("rule", ["auto", "grid", "folder", "file"])
@pytest.mark.parametrize("name", PLACES)
def test_what_cannot_be_placed_is_a_row(folder, name, rule):
    write(folder / "site.tif", 9, **PLACES[name])
    store, rejected = ingested(folder, place=rule)
    assert len(store.chips) >= 6
    # some GDALs read a degenerate transform as none
    assert set(rejected) <= {"site.tif"}
    if name not in ("no extent", "NaN", "infinite"):
        assert "placed on the Earth" in rejected["site.tif"]


@pytest.mark.parametrize("seed", range(12))
def test_damaged_geokeys_are_rows_or_harmless(folder, seed):
    path = folder / "bad.tif"
    write(path, 9, crs="EPSG:32633", transform=SQUARE)
    content = bytearray(path.read_bytes())
    # the directory of tags and what lies behind it, which holds the geokeys
    draw = random.Random(seed)
    pixels = random_pixels(4, 64, seed=9).tobytes()[:64]
    start = max(8, content.find(pixels[:16]))
    for _ in range(12):
        content[draw.randrange(8, max(start, 400))] = draw.randrange(256)
    path.write_bytes(content)
    store, rejected = ingested(folder)
    assert len(store.chips) >= 6
    assert set(rejected) <= {"bad.tif"}


def test_pipes_links_and_folders_with_a_rasters_name_are_rows(folder):
    os.mkfifo(folder / "pipe.tif")
    (folder / "loop.tif").symlink_to("loop.tif")
    (folder / "zero.tif").symlink_to("/dev/zero")
    (folder / "folder.tif").mkdir()
    store, rejected = ingested(folder)
    assert len(store.chips) == 6
    assert set(rejected) == {"pipe.tif", "loop.tif", "zero.tif"}


def test_every_exception_of_rasterio_is_expected():
    """A new version's classes are noticed here; warnings and what is no error are left out."""
    import rasterio._err
    import rasterio.errors

    found = [
        kind
        for module in (rasterio.errors, rasterio._err)
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, Exception)
        and not issubclass(kind, Warning)
        and kind.__module__.startswith("rasterio")
    ]
    assert RasterioError in found
    assert len(found) > 30
    # of rasterio's own command line
    found.remove(rasterio.errors.FileOverwriteError)
    assert [kind for kind in found if not issubclass(kind, RASTER_FAULTS)] == []


def test_a_mosaic_of_files_is_ingested_as_its_files_are(folder):
    rasterio.shutil.copy(folder / "p0" / "0.tif", folder / "mosaic.vrt", driver="VRT")
    store, rejected = ingested(folder)
    assert "same pixels" in rejected[next(iter(rejected))]
    assert len(store.chips) == 6
    assert np.issubdtype(store.chips.dtype, np.uint8)


def test_chips_of_a_list_are_left_out_and_named(folder, tmp_path):
    whole, _ = ingested(folder)
    index = whole.table("index")
    index[["file", "digest"]].iloc[[1]].to_csv(tmp_path / "bad.csv", index=False)
    fewer, rejected = ingested(folder, leave_out=str(tmp_path / "bad.csv"))
    expected = [digest for k, digest in enumerate(index["digest"]) if k != 1]
    assert list(fewer.table("index")["digest"]) == expected
    assert rejected == {index["file"].iloc[1]: "is on the list of chips to leave out"}
    with pytest.raises(UserError, match="digest"):
        ingested(folder, leave_out=str(folder / "p0/0.tif"))
