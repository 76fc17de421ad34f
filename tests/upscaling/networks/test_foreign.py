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
def pixels():
    """Return uint16 with gaps of 0."""
    pixels = np.random.default_rng(3).integers(1500, 3000, (4, HEIGHT, WIDTH)).astype("uint16")
    pixels[:, 8:15, 20:31] = 0
    pixels[1, 30:, -6:] = 0
    return pixels


@pytest.fixture(scope="module")
def scene(tmp_path_factory, make_geotiff, pixels):
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


PLACES = {3: UTM @ Affine.rotation(33), 4: UTM, 2: Affine(10, 0, 359_130, 0, 10, 5_352_000)}


@pytest.fixture
def placed(tmp_path, make_geotiff, pixels):
    """Return the path of the scene at a place."""

    def at(place):
        path = tmp_path / "placed.tif"
        return make_geotiff(path, pixels, crs="EPSG:32633", transform=place, nodata=0)

    return at


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("factor", PLACES)
def test_areas_hold_the_pixels_of_the_whole_result(networks, placed, tmp_path, part, factor):
    scene = placed(PLACES[factor])
    model = sr.load_model(networks[factor], device="cpu")
    whole = model.upscale(scene, tmp_path / "whole.tif", tile=16).values
    some = model.upscale(scene, tmp_path / "part.tif", tile=16, **PARTS[part]).values
    values, valid = read(some)
    with rasterio.open(whole) as of_all, rasterio.open(some) as of_part:
        left, top = ~of_all.transform @ (of_part.transform @ (0, 0))
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


NAMED = {
    "by its names": ("B08", "B03", "B04", "B02"),
    "by colours": ("nir", "Green", "RED", "blue"),
}


@pytest.mark.parametrize("names", NAMED.values(), ids=NAMED)
def test_bands_are_found_by_the_names_that_the_network_gives(tmp_path, make_geotiff, names):
    path = write_onnx(tmp_path / "net.onnx", told={"bands": ["B2", "B3", "B4", "B8"]})
    pixels = np.random.default_rng(0).integers(50, 200, (4, 30, 40)).astype("uint8")
    in_order = make_geotiff(tmp_path / "plain.tif", pixels)
    mixed = make_geotiff(tmp_path / "mixed.tif", pixels[[3, 1, 2, 0]], descriptions=names)
    model = sr.load_model(path, device="cpu")
    expected, _ = read(model.upscale(in_order, tmp_path / "1.tif").values)
    result, _ = read(model.upscale(mixed, tmp_path / "2.tif").values)
    np.testing.assert_array_equal(result, expected)
    with rasterio.open(tmp_path / "2.tif") as found:
        assert found.descriptions == tuple(names[n] for n in (3, 1, 2, 0))


def test_a_file_without_names_of_bands_is_warned_of(tmp_path, make_geotiff, caplog):
    path = write_onnx(tmp_path / "net.onnx", told={"bands": ["B2", "B3", "B4", "B8"]})
    scene = make_geotiff(tmp_path / "plain.tif", size=20)
    sr.load_model(path, device="cpu").upscale(scene, tmp_path)
    assert "nothing says which of its bands are B2, B3, B4, B8" in caplog.text


EVOLAND = "bands:\n- B2\n- B3\n- B4\n- B8\nfactor: 4.0\nmargin: 9\nmodel: net.onnx\n"


@pytest.fixture
def evoland(tmp_path):
    """A network with a description in Evoland's form: its margin is in pixels of the result."""
    write_onnx(tmp_path / "net.onnx", reach=3)
    (tmp_path / "net.yaml").write_text(EVOLAND)
    return tmp_path / "net.yaml"


def test_evolands_form_is_taken_as_it_is(evoland, make_geotiff):
    model = sr.load_model(evoland, device="cpu")
    digital = np.random.default_rng(0).integers(1, 9000, (4, 30, 40)).astype("int16")
    result = model.upscale(digital)
    assert result.value_range == (0, 10_000)
    assert result.made_with["input"] == "reflectance, 0 to 10000"
    expected = in_one_piece(digital.astype(np.float32), reach=3, margin=3)
    assert np.abs(result.values - expected.clip(-32768, 32767)).max() < 0.51
    assert sr.load_model(evoland.with_suffix(".onnx"), device="cpu").label == model.label


def test_reflectance_is_that_of_scale_and_offset(evoland, tmp_path, make_geotiff):
    pixels = np.random.default_rng(0).integers(1500, 9000, (4, 30, 40)).astype("uint16")
    path = make_geotiff(tmp_path / "offset.tif", pixels)
    with rasterio.open(path, "r+") as target:
        target.scales, target.offsets = [1e-4] * 4, [-0.1] * 4
    result = sr.load_model(evoland, device="cpu").upscale(path, tmp_path / "out.tif")
    assert result.value_range == pytest.approx((1000, 11_000))
    values, _ = read(result.values)
    expected = in_one_piece(pixels.astype(np.float32) - 1000, reach=3, margin=3) + 1000
    assert np.abs(values - expected.clip(0, 65535)).max() < 0.52


def test_digital_numbers_are_given_as_they_are_unless_a_range_is(tmp_path):
    told = {"values": "digital_numbers", "range": [0, 2047]}
    path = write_onnx(tmp_path / "net.onnx", told=told)
    values = np.random.default_rng(0).integers(0, 300, (4, 30, 40)).astype("uint16")
    model = sr.load_model(path, device="cpu")
    assert model.upscale(values).value_range == (0, 2047)
    assert model.upscale(values, value_range=(0, 1023)).value_range == (0, 1023)


def test_inputs_are_standardised_and_outputs_brought_back(tmp_path):
    told = {"range": [0, 255], "mean": [100, 110, 120, 130], "std": [50], "output_range": [-1, 3]}
    model = sr.load_model(write_onnx(tmp_path / "net.onnx", told=told), device="cpu")
    image = random_image(30, 40)
    result = model.upscale(image, value_range=(0, 1)).values
    mean = np.array(told["mean"], np.float32)[:, None, None]
    given = (image * 255 - mean) / 50
    np.testing.assert_allclose(result, (in_one_piece(given) + 1) / 4, rtol=0, atol=1e-5)


DEEPNESS = {
    "model_type": "Superresolution",
    "resolution": 1000,
    "tile_size": 40,
    "tiles_overlap": 20,
    "standardization_mean": [0.4, 0.4, 0.4, 0.4],
    "standardization_std": [0.2, 0.2, 0.2, 0.2],
}


def test_what_deepness_reads_describes_a_network_too(tmp_path):
    path = write_onnx(tmp_path / "net.onnx", fixed=(40, 40), properties=DEEPNESS)
    model = sr.load_model(path, device="cpu")
    image = random_image()
    result = model.upscale(image, value_range=(0, 1)).values
    # Deepness reflects nothing at the edges of a scene, and its overlap is 4 pixels on each side
    expected = in_one_piece((image - 0.4) / np.float32(0.2), margin=4)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-5)


def test_deepness_without_an_overlap_says_nothing_of_the_margin(tmp_path):
    properties = DEEPNESS | {"tiles_overlap": 0}
    path = write_onnx(tmp_path / "net.onnx", fixed=(40, 40), properties=properties)
    with pytest.raises(UserError, match="nothing says the margin of this network"):
        sr.load_model(path)


def test_info_says_what_the_network_takes_and_gives(networks, scene):
    result = CliRunner().invoke(main, ["info", str(scene), "--weights", str(networks[3])])
    assert result.exit_code == 0, result.output
    assert "by3.onnx takes 4 bands, 3x, margin 2 pixels" in result.output
    assert f"{3 * WIDTH:,} x {3 * HEIGHT:,} pixels" in result.output
    assert "noise" not in result.output


def test_what_needs_weights_of_this_project_says_so(networks, scene, tmp_path):
    arguments = ["--weights", str(networks[4])]
    explained = CliRunner().invoke(
        main, ["explain", str(scene), "--window", "0,0,16,16", *arguments]
    )
    assert explained.exit_code == 1 and "another project" in explained.output
    output = str(tmp_path / "again.onnx")
    exported = CliRunner().invoke(main, ["export", *arguments, "-o", output])
    assert exported.exit_code == 1 and "another project" in exported.output


def test_kedros_upscaling_takes_them_too(networks, scene, tmp_path):
    pytest.importorskip("kedro")
    from sen2naip_sr.pipelines.upscaling.nodes import upscale_scenes
    from sen2naip_sr.upscaling.parameters import make_parameters

    parameters = make_parameters(source=str(scene), output=tmp_path, weights=networks[3])
    table, metrics = upscale_scenes(parameters, default=None)
    assert list(table["state"]) == ["done"] and list(table["width"]) == [3 * WIDTH]
    assert (tmp_path / "scene_x3.tif").exists() and metrics
