import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.rpc import RPC
from tiny_scenes import (
    HEIGHT,
    PLACE,
    RGBA,
    UNDEFINED,
    WIDTH,
    make_scene,
    noise,
    read,
    twice,
    upscale,
)

from sen2naip_sr.raster.cog import BLOCK, writing_cog
from sen2naip_sr.raster.scene import open_scene


@pytest.fixture
def values():
    return noise(4, HEIGHT, WIDTH)


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "scene_x2.tif"


@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("side", [7, 100])
def test_values_of_every_dtype_come_back(tmp_path, target, dtype, side):
    values = noise(4, HEIGHT, WIDTH, dtype)
    upscale(make_scene(tmp_path / "a.tif", values, **PLACE), target, side=side)
    pixels, masks = read(target)
    np.testing.assert_array_equal(pixels, twice(values))
    assert pixels.dtype == dtype
    assert (masks == 255).all()
    assert list(target.parent.iterdir()) == [target]


def test_the_file_is_a_cog(tmp_path, target):
    values = noise(4, 3 * BLOCK // 2, BLOCK)
    upscale(make_scene(tmp_path / "a.tif", values, **PLACE), target)
    with rasterio.open(target) as source:
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert source.profile["compress"] == "deflate"
        assert source.block_shapes == [(BLOCK, BLOCK)] * 4
        assert source.overviews(1) == [2, 4]
        offsets = [source.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1, ovr=o) for o in (1, 0)]
        offsets.append(source.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
    # the smallest overview comes first, so that the beginning of the file is enough to show it
    assert sorted(offsets, key=int) == offsets
    mean = values.astype(float)
    np.testing.assert_allclose(read(target, overview_level=0)[0], mean, atol=0.5)


@pytest.mark.parametrize(
    "transform",
    [
        PLACE["transform"],
        Affine(0.59985, 0, 557_699.3107, 0, -0.59860, 3_648_377.1482),
        Affine(10, 0, 5e5, 0, 10, 0),
        PLACE["transform"] @ Affine.rotation(20),
    ],
    ids=["north up", "not square", "south up", "rotated"],
)
@pytest.mark.parametrize("point", [False, True])
def test_the_ground_stays_the_same(tmp_path, target, values, transform, point):
    def describe(target):
        target.update_tags(AREA_OR_POINT="Point" if point else "Area")

    source = make_scene(
        tmp_path / "a.tif", values, crs=PLACE["crs"], transform=transform, describe=describe
    )
    upscale(source, target)
    with rasterio.open(source) as before, rasterio.open(target) as after:
        assert after.crs == before.crs
        assert after.tags()["AREA_OR_POINT"] == ("Point" if point else "Area")
        difference = ~before.transform @ after.transform
        assert difference.almost_equals(Affine.scale(0.5), precision=1e-6)
        corners = [before.transform @ (0, 0), before.transform @ (WIDTH, HEIGHT)]
        again = [after.transform @ (0, 0), after.transform @ (2 * WIDTH, 2 * HEIGHT)]
        np.testing.assert_allclose(again, corners, rtol=0, atol=1e-6 * abs(transform.a))


@pytest.mark.parametrize("point", [False, True])
@pytest.mark.parametrize("crs", [CRS.from_epsg(4326), None])
def test_control_points_stay_on_their_spots(tmp_path, target, values, point, crs):
    spots = [(0, 0), (0, WIDTH), (HEIGHT, 0), (7.25, 3.5)]
    points = [GroundControlPoint(r, c, 10 + c / 100, 50 - r / 100, 3) for r, c in spots]

    def describe(target):
        target.gcps = (points, crs or CRS())
        target.update_tags(AREA_OR_POINT="Point" if point else "Area")

    source = make_scene(tmp_path / "a.tif", values, describe=describe)
    upscale(source, target)
    with rasterio.open(source) as before, rasterio.open(target) as after:
        old, new = before.gcps[0], after.gcps[0]
        assert after.gcps[1] == before.gcps[1]
        assert after.transform.is_identity
        assert after.tags() == before.tags()
    assert [(p.row, p.col) for p in new] == [(2 * p.row, 2 * p.col) for p in old]
    assert [(p.x, p.y, p.z) for p in new] == [(p.x, p.y, p.z) for p in points]


def test_rational_polynomials_are_kept(tmp_path, target, values):
    rpcs = RPC(
        height_off=100.0,
        height_scale=500.0,
        lat_off=50.0,
        lat_scale=0.1,
        line_den_coeff=[1.0] + [0.0] * 19,
        line_num_coeff=[0.0, 0.01, -1.0] + [0.0] * 17,
        line_off=15.0,
        line_scale=16.0,
        long_off=10.0,
        long_scale=0.1,
        samp_den_coeff=[1.0] + [0.0] * 19,
        samp_num_coeff=[0.0, 1.0] + [0.0] * 18,
        samp_off=19.0,
        samp_scale=21.0,
        err_bias=1.5,
        err_rand=0.25,
    )

    def describe(target):
        target.rpcs = rpcs

    upscale(make_scene(tmp_path / "a.tif", values, describe=describe), target)
    with rasterio.open(target) as source:
        again = source.rpcs.to_dict()
    changed = {"line_off": 30.5, "line_scale": 32, "samp_off": 38.5, "samp_scale": 42}
    assert again == {**rpcs.to_dict(), **changed}


@pytest.mark.filterwarnings("error")
def test_nothing_places_the_output_of_a_picture_that_nothing_places(
    tmp_path, target, values, capfd
):
    upscale(make_scene(tmp_path / "a.tif", values), target)
    assert capfd.readouterr() == ("", "")
    content = target.read_bytes()
    # ModelPixelScale, ModelTiepoint, ModelTransformation, GeoKeyDirectory
    tags = [tag.to_bytes(2, "little") for tag in (33550, 33922, 34264, 34735)]
    directory = content[:2000]
    assert not any(tag + kind in directory for tag in tags for kind in (b"\x0c\0", b"\x03\0"))
    with open_scene(target) as scene:
        assert not scene.georeferencing.known


def test_what_describes_bands_and_scene_is_carried_over(tmp_path, target, values):
    def describe(target):
        target.descriptions = ("Red", None, "Blue", "NIR")
        target.scales, target.offsets = (0.1, 1, 1, 2), (5, 0, 0, -1)
        target.units = ("reflectance", "", "", "m")
        target.update_tags(SOURCE="USDA", STATISTICS_MEAN=3, TIFFTAG_XRESOLUTION=72)
        target.update_tags(2, WAVELENGTH="550", STATISTICS_MAXIMUM=255)

    upscale(
        make_scene(tmp_path / "a.tif", values, describe=describe, **PLACE, tiled=False),
        target,
        tags={"TIFFTAG_SOFTWARE": "sen2naip_sr", "SOURCE": "upscaled"},
    )
    with rasterio.open(target) as source:
        assert source.descriptions == ("Red", None, "Blue", "NIR")
        assert source.scales == (0.1, 1, 1, 2)
        assert source.offsets == (5, 0, 0, -1)
        assert source.units == ("reflectance", None, None, "m")
        assert source.tags() == {
            "AREA_OR_POINT": "Area",
            "SOURCE": "upscaled",
            "TIFFTAG_SOFTWARE": "sen2naip_sr",
        }
        assert source.tags(2) == {"WAVELENGTH": "550"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([*RGBA[:3], UNDEFINED], [*RGBA[:3], UNDEFINED]),
        ([*RGBA[:3], ColorInterp.nir], [*RGBA[:3], ColorInterp.nir]),
        ([ColorInterp.gray, *[UNDEFINED] * 3], [ColorInterp.gray, *[UNDEFINED] * 3]),
        (RGBA, [*RGBA[:3], UNDEFINED]),
        ([RGBA[2], RGBA[1], RGBA[0], UNDEFINED], [RGBA[2], RGBA[1], RGBA[0], UNDEFINED]),
    ],
)
def test_colours_are_carried_over_and_no_image_band_is_marked_as_alpha(
    tmp_path, target, values, before, after
):
    upscale(make_scene(tmp_path / "a.tif", values, kinds=before), target)
    with rasterio.open(target) as source:
        assert list(source.colorinterp) == after
        assert source.mask_flag_enums == ([MaskFlags.all_valid],) * 4


def test_chosen_bands_bring_their_own_descriptions(tmp_path, target, values):
    def describe(target):
        target.descriptions = ("Red", "Green", "Blue", "NIR")

    source = make_scene(tmp_path / "a.tif", values, kinds=RGBA, describe=describe)
    upscale(source, target, bands=[4, 1])
    np.testing.assert_array_equal(read(target)[0], twice(values[[3, 0]]))
    with rasterio.open(target) as result:
        assert result.descriptions == ("NIR", "Red")
        assert result.colorinterp == (UNDEFINED, ColorInterp.red)


@pytest.mark.parametrize("shape", [(3, 8, 8), (4, 8, 8)])
def test_windows_of_another_kind_are_an_error_of_the_caller(tmp_path, target, values, shape):
    source = make_scene(tmp_path / "a.tif", values)
    with (
        open_scene(source) as scene,
        pytest.raises(ValueError, match="not the output's"),
        writing_cog(target, scene, {}) as writer,
    ):
        writer.write(0, 0, np.zeros(shape, "uint16"), np.ones(shape, bool))
    assert not list(target.parent.iterdir())
