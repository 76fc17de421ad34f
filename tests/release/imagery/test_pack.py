"""Packed imagery."""

import numpy as np
import pytest
import rasterio

from sen2naip_sr.errors import UserError
from sen2naip_sr.release.imagery.pack import fitting, pack
from sen2naip_sr.release.imagery.packed import PackedImage, Place, packed_files, read_places
from sen2naip_sr.training.mixture.images import location_of


def write(path, values, nodata=None):
    path.parent.mkdir(exist_ok=True)
    _, height, width = values.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=len(values),
        height=height,
        width=width,
        dtype=values.dtype,
        nodata=nodata,
    ) as target:
        target.write(values)


def random(seed, dtype="uint8", most=255, size=64):
    return np.random.default_rng(seed).integers(1, most, (4, size, size)).astype(dtype)


def test_images_come_back_with_their_range_and_validity(tmp_path):
    scene = random(0, "uint16", 9000)
    scene[:, :3] = 0
    write(tmp_path / "valley-2020.tif", scene, nodata=0)
    for k in range(2):
        write(tmp_path / "town-2018" / f"{k}.tif", random(k))
    pack([tmp_path / "valley-2020.tif", tmp_path / "town-2018"], tmp_path / "packed")
    town, valley = read_places(tmp_path / "packed")
    assert (town.name, town.location) == ("town-2018", "town")
    for k, packed in enumerate(town.images):
        image = packed.unpack()
        np.testing.assert_array_equal(image.values, random(k))
        assert image.valid is None
        assert image.value_range == (0, 255)
    image = valley.images[0].unpack()
    np.testing.assert_array_equal(image.values, scene)
    np.testing.assert_array_equal(image.valid, (scene > 0).all(0))
    assert image.value_range == (0, 10000)


@pytest.mark.parametrize(
    ("place", "location"),
    [
        ("ca-chico-2018", "ca-chico"),
        ("es-boadella-2020-01-28", "es-boadella"),
        ("wv-3708020-sw", "wv-3708020-sw"),
        ("oh-adams", "oh-adams"),
    ],
)
def test_a_location_has_no_date(place, location):
    assert location_of(place) == location


def test_what_does_not_fit_is_left_out_evenly():
    image = PackedImage(b"0" * 100, b"", (4, 8, 8), "uint8", (0, 255))
    places = [Place(str(count), "", (image,) * count) for count in (1, 10, 30)]
    kept = [len(place.images) for place in fitting(places, 2100)]
    assert sum(kept) == 21
    assert kept == pytest.approx([1, 5, 15], abs=1)


def test_every_place_keeps_an_image():
    image = PackedImage(b"0" * 100, b"", (4, 8, 8), "uint8", (0, 255))
    assert [len(place.images) for place in fitting([Place("", "", (image,) * 3)] * 2, 1)] == [1, 1]


def test_other_dtypes_are_refused(tmp_path):
    write(tmp_path / "floats.tif", random(0).astype("float32"))
    with pytest.raises(UserError) as caught:
        pack([tmp_path / "floats.tif"], tmp_path / "packed")
    assert caught.value.code == "dtype-unsupported"


def test_damaged_and_missing_files_are_named(tmp_path):
    with pytest.raises(UserError) as caught:
        packed_files(tmp_path)
    assert caught.value.code == "imagery-missing"
    (tmp_path / "town.imagery").write_bytes(b"nothing")
    with pytest.raises(UserError, match="town") as caught:
        list(read_places(tmp_path))
    assert caught.value.code == "imagery-damaged"
