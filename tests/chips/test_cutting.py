import numpy as np
import pytest
import rasterio
from affine import Affine
from conftest import random_pixels
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.chips.cutting import Chip, Rejection, chip_windows, cut_chips, reduce_chip

ROTATED = Affine.translation(400_000.3, 4_400_000.1) @ Affine.rotation(30) @ Affine.scale(0.6, -0.6)


def cut(path, size=16, bands=(1, 2, 3, 4), min_valid_fraction=0.99):
    with rasterio.open(path) as raster:
        windows = chip_windows(raster.height, raster.width, size)
        return cut_chips(raster, windows, size, bands, min_valid_fraction)


@given(height=st.integers(1, 90), width=st.integers(1, 90), half=st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_chips_fill_the_scene_without_overlap(height, width, half):
    size = 2 * half
    covered = np.zeros((height, width), int)
    for row, column in chip_windows(height, width, size):
        assert row >= 0
        assert column >= 0
        covered[row : row + size, column : column + size] += 1
    assert covered.max() <= 1
    assert covered.sum() == (height // size) * (width // size) * size**2
    filled = np.argwhere(covered)
    if len(filled):
        margins = filled.min(0), np.array([height - 1, width - 1]) - filled.max(0)
        assert np.abs(margins[0] - margins[1]).max() <= 1, "the grid is centred"


@pytest.mark.parametrize("transform", [Affine(0.6, 0, 404_961.6, 0, -0.6, 4.4e6), ROTATED])
def test_chips_lie_on_the_ground_where_the_scene_says(tmp_path, make_geotiff, transform):
    path = make_geotiff(tmp_path / "scene.tif", size=(40, 55), transform=transform)
    scene = random_pixels(4, (40, 55))
    chips = cut(path)
    assert len(chips) == 2 * 3
    for chip in chips:
        expected = scene[:, chip.row : chip.row + 16, chip.column : chip.column + 16]
        np.testing.assert_array_equal(chip.pixels, expected)
        for across, down in ((0, 0), (16, 0), (5.5, 9.25)):
            ground = Affine(*chip.transform) @ (across, down)
            assert ~transform @ ground == pytest.approx((chip.column + across, chip.row + down))


def test_only_the_asked_bands_are_read_in_their_order(tmp_path, make_geotiff):
    path = make_geotiff(tmp_path / "a.tif", bands=5, size=16)
    np.testing.assert_array_equal(cut(path, bands=(4, 1))[0].pixels, random_pixels(5, 16)[[3, 0]])


@pytest.mark.parametrize("options", [{}, {"compress": "deflate"}])
def test_damage_costs_only_the_chips_that_it_hits(tmp_path, make_geotiff, options):
    path = make_geotiff(tmp_path / "a.tif", size=64, blockysize=16, **options)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    results = cut(path)
    readable = [result for result in results if isinstance(result, Chip)]
    lost = [result for result in results if isinstance(result, Rejection)]
    assert 0 < len(readable) < 16
    assert len(readable) + len(lost) == 16
    assert all("cannot be read" in why.reason and "again" in why.remedy for why in lost)
    assert {why.row for why in lost} <= {32, 48}


def constant():
    return np.full((4, 16, 16), 7, "uint8")


def with_value(value, share=1.0):
    pixels = random_pixels(4, 16, "float32")
    pixels[:, : round(16 * share)] = value
    return pixels


@pytest.mark.parametrize(
    ("pixels", "nodata", "reason"),
    [
        (constant(), None, "every band is constant"),
        (constant(), 7, "only 0.0% of the pixels are valid"),
        (with_value(np.nan, 0.1), None, "NaN or infinity"),
        (with_value(np.inf, 0.1), None, "NaN or infinity"),
        (with_value(np.nan, 0.5), np.nan, "only 50.0% of the pixels are valid"),
        (with_value(-9999, 0.5), -9999, "only 50.0% of the pixels are valid"),
    ],
)
def test_useless_chips_are_rejected_with_the_reason(tmp_path, make_geotiff, pixels, nodata, reason):
    path = make_geotiff(tmp_path / "a.tif", pixels, nodata=nodata)
    (why,) = cut(path)
    assert isinstance(why, Rejection)
    assert reason in why.reason
    assert why.remedy
    assert (why.row, why.column) == (0, 0)


def test_a_declared_nodata_value_may_occur_in_single_bands(tmp_path, make_geotiff):
    pixels = random_pixels(4, 16)
    pixels[0] = 255
    (chip,) = cut(make_geotiff(tmp_path / "a.tif", pixels, nodata=255))
    assert chip.valid_fraction == 1


@pytest.mark.parametrize(
    ("bands", "valid"), [((1, 2, 3), 0.75), ((1, 2, 3, 4), 1.0)], ids=["alpha", "data"]
)
def test_a_band_marked_alpha_masks_only_where_it_is_not_data(tmp_path, make_geotiff, bands, valid):
    pixels = random_pixels(4, 16)
    pixels[3] = 255
    pixels[3, :4] = 0
    path = make_geotiff(tmp_path / "a.tif", pixels, photometric="RGB", alpha="yes")
    (chip,) = cut(path, bands=bands, min_valid_fraction=0.5)
    assert chip.valid_fraction == valid


def test_equal_pixels_have_equal_digests(tmp_path, make_geotiff):
    digests = [
        cut(make_geotiff(tmp_path / f"{n}.tif", size=16, seed=seed))[0].digest
        for n, seed in enumerate((1, 1, 2))
    ]
    assert digests[0] == digests[1] != digests[2]


def chip_of(pixels):
    return Chip(4, 8, pixels, (0.6, 0.0, 100.0, 0.0, -0.6, 50.0), 1.0, b"digest")


def test_reduced_pixels_are_rounded_means_of_what_they_cover():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 12, 12), np.uint8)
    reduced = reduce_chip(chip_of(pixels), 4)
    for band in range(2):
        for row in range(3):
            for column in range(3):
                block = pixels[band, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
                assert abs(int(reduced.pixels[band, row, column]) - block.mean()) <= 0.5
    assert reduced.pixels.dtype == np.uint8


def test_a_reduced_chip_covers_the_same_ground():
    chip = chip_of(np.zeros((1, 12, 12), np.float32))
    reduced = reduce_chip(chip, 3)
    for before, after in zip((0, 4), (0, 4), strict=True):
        assert 12 * chip.transform[before] == pytest.approx(4 * reduced.transform[after])
    assert (reduced.transform[2], reduced.transform[5]) == (100.0, 50.0)
    assert reduce_chip(chip, 1) is chip
