import numpy as np
import pytest
from affine import Affine
from made_pairs import write_pair

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.pairs.pair import find_pairs, read_pair


def test_a_pair_has_its_bands_its_truth_and_the_place_of_one_in_the_other(tmp_path, make_geotiff):
    pair = read_pair(write_pair(tmp_path / "town", make_geotiff, shift=(1, 3)))
    assert pair.name == "town"
    assert pair.bands.shape == (4, 48, 48)
    assert pair.bands.dtype == np.uint16
    assert pair.truth.shape == (1, 102, 102)
    assert pair.panchromatic
    assert pair.offset == pytest.approx((1, 3))


def test_a_truth_of_a_quarter_of_the_pixel_size_is_averaged(tmp_path, make_geotiff):
    folder = write_pair(tmp_path, make_geotiff, ratio=4, shift=(1, 2))
    pair = read_pair(folder)
    assert pair.offset == pytest.approx((0.5, 1))
    values = np.asarray(read_pair_values(folder))
    assert pair.truth[0, 0, 0] == values[:2, :2].mean()
    assert pair.truth[0, 5, 7] == values[10:12, 14:16].mean()


def read_pair_values(folder):
    import rasterio

    with rasterio.open(folder / "pan.tif") as source:
        return source.read(1).astype(float)


def test_bands_may_be_one_file_and_the_truth_another_sensor(tmp_path, make_geotiff):
    folder = write_pair(tmp_path, make_geotiff, truth="truth.tif", truth_bands=4)
    values = np.ma.getdata(read_pair(folder).bands)
    for name in "rgbn":
        (folder / f"{name}.tif").unlink()
    make_geotiff(
        folder / "bands.tif",
        values,
        crs="EPSG:32617",
        transform=Affine(30, 0, 700_000, 0, -30, 4_250_000),
    )
    pair = read_pair(folder)
    assert (pair.bands == values).all()
    assert pair.truth.shape == (4, 96, 96)
    assert not pair.panchromatic


def test_nodata_is_masked_in_the_bands_and_nan_in_the_truth(tmp_path, make_geotiff):
    folder = write_pair(tmp_path, make_geotiff, ratio=4, nodata=0)
    values = read_pair_values(folder).astype("uint16")
    values[4, 9] = 0
    make_geotiff(
        folder / "pan.tif",
        values[None],
        crs="EPSG:32617",
        nodata=0,
        transform=Affine(7.5, 0, 700_000, 0, -7.5, 4_250_000),
    )
    pair = read_pair(folder)
    assert np.argwhere(np.isnan(pair.truth[0])).tolist() == [[2, 4]]


def test_without_georeferencing_the_bounds_are_taken_to_be_equal(tmp_path, make_geotiff):
    folder = write_pair(tmp_path, make_geotiff)
    for name in ("r", "g", "b", "n", "pan"):
        size = 96 if name == "pan" else 48
        make_geotiff(
            folder / f"{name}.tif",
            bands=1,
            size=size,
            dtype="uint16",
            crs=None,
            transform=Affine.identity(),
        )
    assert read_pair(folder).offset == (0, 0)


def change_size(folder, make, **options):
    known = {
        "bands": 1,
        "dtype": "uint16",
        "crs": "EPSG:32617",
        "transform": Affine(15, 0, 700_000, 0, -15, 4_250_000),
    }
    make(folder / "pan.tif", **known | {"size": 96} | options)


FAULTS = {
    "no pan": (lambda f, make: (f / "pan.tif").unlink(), "pair-incomplete", "no pan.tif"),
    "no band": (lambda f, make: (f / "g.tif").unlink(), "pair-incomplete", "no g.tif"),
    "no raster": (lambda f, make: (f / "pan.tif").write_text("?"), "format-refused", "no raster"),
    "two bands": (lambda f, make: change_size(f, make, bands=2), "pair-bands-differ", "2 bands"),
    "another CRS": (
        lambda f, make: change_size(f, make, crs="EPSG:32618"),
        "pair-crs-differs",
        "EPSG:32618",
    ),
    "no CRS": (
        lambda f, make: change_size(f, make, crs=None, transform=Affine.identity()),
        "pair-crs-differs",
        "none",
    ),
    "3 : 1": (
        lambda f, make: change_size(
            f, make, size=144, transform=Affine(10, 0, 700_000, 0, -10, 4_250_000)
        ),
        "pair-ratio-wrong",
        "3 x 3",
    ),
    "1 : 1": (
        lambda f, make: change_size(
            f, make, size=48, transform=Affine(30, 0, 700_000, 0, -30, 4_250_000)
        ),
        "pair-ratio-wrong",
        "1 x 1",
    ),
    "turned": (
        lambda f, make: change_size(f, make, transform=Affine(15, 1, 700_000, 1, -15, 4_250_000)),
        "pair-ratio-wrong",
        "not turned",
    ),
    "elsewhere": (
        lambda f, make: change_size(f, make, transform=Affine(15, 0, 800_000, 0, -15, 4_250_000)),
        "pair-apart",
        "do not overlap",
    ),
    "other grid": (
        lambda f, make: make(f / "b.tif", bands=1, size=47, dtype="uint16", crs="EPSG:32617"),
        "pair-grids-differ",
        "differ",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_pair_that_cannot_be_used_says_why(fault, tmp_path, make_geotiff):
    damage, code, problem = FAULTS[fault]
    folder = write_pair(tmp_path / "pair", make_geotiff)
    damage(folder, make_geotiff)
    with pytest.raises(UserError, match=problem) as raised:
        read_pair(folder)
    assert raised.value.code == code


def test_a_folder_of_pairs_stands_for_all_of_them(tmp_path, make_geotiff):
    for name in ("b", "a"):
        write_pair(tmp_path / "all" / name, make_geotiff, size=16)
    (tmp_path / "all" / "notes").mkdir()
    single = write_pair(tmp_path / "c", make_geotiff, size=16)
    found = find_pairs([tmp_path / "all", single])
    assert [folder.name for folder in found] == ["a", "b", "c"]


@pytest.mark.parametrize("folders", [[], ["missing"], ["."]])
def test_folders_without_pairs_are_refused(folders, tmp_path):
    with pytest.raises(UserError) as raised:
        find_pairs([tmp_path / name for name in folders])
    assert raised.value.code == "no-pair"
