from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import rasterio
from affine import Affine
from conftest import random_pixels
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp

from sen2naip_sr.chips.cutting import Chip, Rejection, chip_windows, cut_chips, reduce_chip
from sen2naip_sr.raster.scene import open_scene

ROTATED = Affine.translation(400_000.3, 4_400_000.1) @ Affine.rotation(30) @ Affine.scale(0.6, -0.6)


def cut(path, size=16, bands=(1, 2, 3, 4), min_valid_fraction=0.99, factor=1):
    with open_scene(path, bands) as scene:
        windows = chip_windows(scene.height, scene.width, size)
        return cut_chips(scene, windows, size, min_valid_fraction, factor)


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
        (with_value(np.nan, 0.125), None, "only 87.5% of the pixels are valid"),
        (with_value(np.inf, 0.125), None, "only 87.5% of the pixels are valid"),
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


def test_nodata_counts_in_each_band(tmp_path, make_geotiff):
    pixels = random_pixels(4, 16)
    pixels[0] = 255
    path = make_geotiff(tmp_path / "a.tif", pixels, nodata=255)
    (chip,) = cut(path, min_valid_fraction=0.5)
    np.testing.assert_array_equal(chip.valid, pixels != 255)
    assert chip.valid_fraction == (pixels != 255).mean()


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


@given(
    dtype=st.sampled_from(["uint8", "uint16", "int16", "float32", "float64"]),
    marks=st.sets(st.sampled_from(["nodata", "mask", "alpha", "nan"]), min_size=1),
    factor=st.sampled_from([1, 2]),
    seed=st.integers(0, 999),
)
@settings(max_examples=40, deadline=None)
def test_ingestion_and_upscaling_agree_on_what_is_valid(dtype, marks, factor, seed):
    random = np.random.default_rng(seed)
    pixels = random.integers(1, 100, (3, 16, 16)).astype(dtype)
    invalid = random.random(pixels.shape) < 0.1
    other = random.random((16, 16)) < 0.1
    floats = np.dtype(dtype).kind == "f"
    nodata = {"nodata": {"nodata": 0 if dtype.startswith("u") else -99}}
    options = next((nodata[mark] for mark in marks if mark in nodata), {})
    pixels[invalid] = options.get("nodata", np.nan if floats and "nan" in marks else 7)
    alpha = np.where(other, 0, 100).astype(dtype)
    bands = np.concatenate([pixels, alpha[None]]) if "alpha" in marks else pixels
    kinds = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.tif")
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(
                path, "w", driver="GTiff", count=len(bands), height=16, width=16, dtype=dtype,
                photometric="MINISBLACK", alpha="unspecified", **options,
            ) as target,
        ):  # fmt: skip
            target.colorinterp = kinds[: len(bands)]
            target.write(bands)
            if "mask" in marks:
                target.write_mask(~other)
        with open_scene(path, count=3) as scene:
            values, valid = scene.read(0, 0, 16, 16)
            (chip,) = cut_chips(scene, [(0, 0)], 16, 0.01, factor)
    expected = np.ones(pixels.shape, bool)
    if "nodata" in marks or (floats and "nan" in marks):
        expected &= ~invalid
    if marks & {"mask", "alpha"}:
        expected &= ~other
    np.testing.assert_array_equal(valid, expected)
    blocks = valid.reshape(3, 16 // factor, factor, 16 // factor, factor).all(axis=(2, 4))
    found = np.ones(blocks.shape, bool) if chip.valid is None else chip.valid
    np.testing.assert_array_equal(found, blocks)
    assert chip.valid_fraction == blocks.mean()
    if factor == 1:
        np.testing.assert_array_equal(chip.pixels[valid], values[valid])
    assert np.isfinite(chip.pixels).all()
    assert chip.pixels.min() >= values[valid].min()
    assert chip.pixels.max() <= values[valid].max()


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
