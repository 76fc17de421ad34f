"""Foreign networks: what they give is what they give in one piece, wherever a scene is cut."""

import importlib.util
import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from made_onnx import in_one_piece, write_onnx

import sen2naip_sr as sr
from sen2naip_sr.command import main
from sen2naip_sr.errors import UserError
from sen2naip_sr.upscaling.scenes import find_jobs

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime", "yaml")),
    reason="needs the extra onnx",
)
UTM = Affine(10, 0, 359_130, 0, -10, 5_352_340)
HEIGHT, WIDTH = 45, 70
PARTS = {
    "window": {"window": (11, 5, 30, 27)},
    "bbox": {"bbox": (359_203, 5_352_001, 359_507, 5_352_188)},
    "polygon": {
        "aoi": {
            "type": "Polygon",
            "coordinates": [
                [[359201, 5352299], [359699, 5352301], [359352, 5352004], [359201, 5352299]]
            ],
            "crs": {"type": "name", "properties": {"name": "EPSG:32633"}},
        }
    },
}


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Return the path of a network by its factor."""
    folder = tmp_path_factory.mktemp("onnx")
    return {
        factor: write_onnx(folder / f"by{factor}.onnx", factor=factor, told={"factor": factor})
        for factor in (2, 3, 4)
    }


@pytest.fixture(scope="module")
def four(networks):
    return sr.load_model(networks[4], device="cpu")


@pytest.fixture(scope="module")
def scene(tmp_path_factory, make_geotiff):
    """A scene of uint16 with gaps."""
    pixels = np.random.default_rng(3).integers(1500, 3000, (4, HEIGHT, WIDTH)).astype("uint16")
    pixels[:, 8:15, 20:31] = 0
    pixels[1, 30:, -6:] = 0
    path = tmp_path_factory.mktemp("scenes") / "scene.tif"
    return make_geotiff(path, pixels, crs="EPSG:32633", transform=UTM, nodata=0)


def random_image(height=40, width=53, seed=0):
    return np.random.default_rng(seed).random((4, height, width), np.float32)


def read(path):
    with rasterio.open(path) as source:
        return source.read(), source.read_masks()


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("tile", [16, 32])
def test_tiles_give_what_one_piece_gives(networks, factor, tile):
    image = random_image()
    result = sr.load_model(networks[factor], device="cpu").upscale(
        image, tile=tile, value_range=(0, 1)
    )
    expected = in_one_piece(image, factor=factor)
    np.testing.assert_allclose(result.values, expected, rtol=0, atol=2e-6)
    assert result.made_with["factor"] == str(factor)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float64"])
def test_values_are_those_of_the_value_range(four, dtype):
    low, high = (0, 200) if dtype == "uint8" else (100, 4000)
    image = random_image()
    values = (image * (high - low) + low).astype(dtype)
    result = four.upscale(values, value_range=(low, high)).values
    exact = (values.astype(np.float32) - low) / (high - low)
    expected = in_one_piece(exact) * (high - low) + low
    if np.issubdtype(values.dtype, np.integer):
        limits = np.iinfo(values.dtype)
        expected = expected.clip(limits.min, limits.max)
    assert result.dtype == values.dtype
    assert np.abs(result - expected).max() < 0.51


def test_an_ensemble_averages_the_symmetries(four):
    image = random_image()
    turned = [
        np.rot90(flip, turns, (-2, -1)) for flip in (image, image[..., ::-1]) for turns in range(4)
    ]
    made = [in_one_piece(np.ascontiguousarray(each)) for each in turned]
    back = [
        np.rot90(each, -turns, (-2, -1))
        for each, turns in zip(made, 2 * list(range(4)), strict=True)
    ]
    expected = np.mean(back[:4] + [each[..., ::-1] for each in back[4:]], axis=0)
    result = four.upscale(image, ensemble=True, value_range=(0, 1), tile=16).values
    np.testing.assert_allclose(result, expected, rtol=0, atol=3e-6)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_file_covers_the_same_ground_with_smaller_pixels(networks, scene, tmp_path, factor):
    model = sr.load_model(networks[factor], device="cpu")
    target = model.upscale(scene, tmp_path, stac=factor != 2).values
    assert target.name == f"scene_x{factor}.tif"
    with rasterio.open(scene) as before, rasterio.open(target) as after:
        assert after.shape == (factor * HEIGHT, factor * WIDTH)
        assert after.res == pytest.approx((10 / factor, 10 / factor))
        np.testing.assert_allclose(after.bounds, before.bounds)
        assert after.crs == before.crs and after.dtypes == before.dtypes
        assert after.nodata == 0
        assert after.tags()["SEN2NAIP_SR_FACTOR"] == str(factor)
        assert after.tags()["SEN2NAIP_SR_WEIGHTS"] == model.label
        expected = before.read_masks().repeat(factor, 1).repeat(factor, 2)
        np.testing.assert_array_equal(after.read_masks(), expected)
    if factor != 2:
        item = json.loads(target.with_suffix(".json").read_text())
        assert item["properties"]["proj:shape"] == [factor * HEIGHT, factor * WIDTH]
        size = {3: "a third", 4: "a quarter"}[factor]
        assert f"pixels of {size} of the size" in item["properties"]["processing:lineage"]


def test_an_alpha_band_is_enlarged_as_much(four, tmp_path, make_geotiff):
    pixels = np.random.default_rng(1).integers(1, 200, (5, 20, 30)).astype("uint8")
    pixels[4] = 255
    pixels[4, 3:9, 4:7] = 0
    source = make_geotiff(tmp_path / "a.tif", pixels, descriptions=("r", "g", "b", "n", "alpha"))
    result, _ = read(four.upscale(source, tmp_path / "b.tif").values)
    np.testing.assert_array_equal(result[4], pixels[4].repeat(4, 0).repeat(4, 1))


def test_invalid_pixels_change_no_others(four, scene, tmp_path, make_geotiff):
    with rasterio.open(scene) as source:
        pixels, profile = source.read(), source.profile
    pixels[pixels == 0] = 65_535
    other = make_geotiff(
        tmp_path / "other.tif", pixels, crs=profile["crs"], transform=UTM, nodata=65_535
    )
    options = {"value_range": (0, 4000)}
    one, valid = read(four.upscale(scene, tmp_path / "1.tif", **options).values)
    two, also = read(four.upscale(other, tmp_path / "2.tif", **options).values)
    np.testing.assert_array_equal(valid, also)
    # 0 is nodata in one of them, so that data there are at least 1
    np.testing.assert_array_equal(one[valid > 0].clip(1), two[valid > 0].clip(1))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("factor", [3, 4])
def test_areas_hold_the_pixels_of_the_whole_result(networks, scene, tmp_path, part, factor):
    model = sr.load_model(networks[factor], device="cpu")
    whole = model.upscale(scene, tmp_path / "whole.tif", tile=16).values
    some = model.upscale(scene, tmp_path / "part.tif", tile=16, **PARTS[part]).values
    values, valid = read(some)
    with rasterio.open(whole) as of_all, rasterio.open(some) as of_part:
        left, top = ~of_all.transform @ (of_part.bounds.left, of_part.bounds.top)
        assert of_part.width % factor == of_part.height % factor == 0
        at = rasterio.windows.Window(round(left), round(top), of_part.width, of_part.height)
        expected, known = of_all.read(window=at), of_all.read_masks(window=at)
    if part != "polygon":
        np.testing.assert_array_equal(valid, known)
    assert (valid > 0).any() and ((valid == 0) | (known > 0)).all()
    np.testing.assert_array_equal(values[valid > 0], expected[valid > 0])


def test_an_xarray_gets_coordinates_of_the_smaller_pixels(four):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("rioxarray")
    x, y = 5 + 10 * np.arange(30), 995 - 10 * np.arange(20)
    image = random_image(20, 30)
    data = xarray.DataArray(image, {"y": y, "x": x}, ("band", "y", "x")).rio.write_crs(32633)
    result = four.upscale(data, value_range=(0, 1), window=(4, 6, 10, 8)).values
    assert result.shape == (4, 32, 40)
    np.testing.assert_allclose(result.x[:2], [41.25, 43.75])
    np.testing.assert_allclose(result.y[:2], [938.75, 936.25])


def test_masked_arrays_stay_masked(four):
    image = np.ma.masked_array(random_image(20, 30))
    image[:, 4:6, 5:9] = np.ma.masked
    result = four.upscale(image, value_range=(0, 1)).values
    np.testing.assert_array_equal(result.mask, image.mask.repeat(4, 1).repeat(4, 2))


def test_the_command_names_results_and_skips_finished_ones(networks, scene, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "scene.tif").write_bytes(scene.read_bytes())
    (folder / "tile_x4.tif").write_bytes(scene.read_bytes())
    arguments = ["upscale", str(folder), "--weights", str(networks[4])]
    first = CliRunner().invoke(main, arguments)
    assert first.exit_code == 0, first.output
    assert {path.name for path in folder.iterdir()} == {
        "scene.tif",
        "tile_x4.tif",
        "scene_x4.tif",
        "tile_x4_x4.tif",
    }
    again = CliRunner().invoke(main, arguments)
    assert again.output.count("already up to date") == 2
    # results of one factor are no scenes for another one either
    jobs = find_jobs(str(folder), None)
    assert [job.name for job in jobs] == ["scene.tif", "tile_x4.tif"]
    assert jobs[0].target.name == "scene_x2.tif"


def test_another_description_is_another_result(networks, scene, tmp_path):
    path = write_onnx(tmp_path / "net.onnx", told={})
    target = tmp_path / "out"
    arguments = ["upscale", str(scene), "--weights", str(path), "-o", str(target)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    write_onnx(path, told={"range": [0, 2], "output_range": [0, 2]})
    again = CliRunner().invoke(main, arguments)
    assert "already up to date" not in again.output
    assert again.exit_code == 1


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"noise": 3}, "noise"),
        ({"blur": 0.5}, "blur"),
        ({"blur": "recipe"}, "blur"),
        ({"compression": 80}, "compression"),
        ({"sharpness": 0.5}, "sharpness"),
        ({"consistency": True}, "consistency"),
        ({"uncertainty": True}, "uncertainty"),
    ],
)
def test_options_that_it_cannot_have_are_refused_by_name(four, options, name):
    with pytest.raises(UserError, match=name) as refused:
        four.upscale(random_image(), **options)
    assert refused.value.code == "onnx-option-refused"


@pytest.mark.parametrize("choice", [{"backend": "winograd"}, {"precision": "bfloat16"}])
def test_other_backends_and_precisions_are_refused(networks, choice):
    with pytest.raises(UserError, match="ONNX Runtime in float32"):
        sr.load_model(networks[4], **choice)


def test_another_number_of_bands_is_refused(four):
    with pytest.raises(UserError, match=r"3 bands, and by4\.onnx takes 4"):
        four.upscale(random_image()[:3])
