"""The functions of the package: arrays give what files give, and faults are named."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import rasterio
from affine import Affine
from conftest import UTM, random_pixels
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning
from tiny_weights import write_calibration, write_weights

import sen2naip_sr as sr
from sen2naip_sr.errors import UserError
from sen2naip_sr.weights.shipped import load_shipped

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
OPTIONS = {
    "plain": {},
    "range": {"value_range": (0, 200)},
    "dtype": {"value_range": "dtype"},
    "consistency": {"consistency": True},
    "ensemble": {"ensemble": True},
    "uncertainty": {"uncertainty": True},
    "bands": {"bands": [3, 2, 1, 4]},
    "tile": {"tile": 16, "batch": 3},
    "all": {"consistency": True, "ensemble": True, "uncertainty": True, "tile": 16},
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = write_weights(tmp_path_factory.mktemp("weights") / "tiny.safetensors")
    write_calibration(path)
    return path


@pytest.fixture(scope="module")
def model(weights):
    return sr.load_model(weights, device="cpu")


def write(path, pixels, mask=None, nodata=None):
    """Write a GeoTIFF of all-image bands, perhaps with a mask of pixels without data."""
    count, height, width = pixels.shape
    options = {"photometric": "MINISBLACK", "alpha": "unspecified", "nodata": nodata}
    with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver="GTiff", count=count, height=height, width=width,
            dtype=pixels.dtype, **options,
        ) as target:  # fmt: skip
            target.write(pixels)
            if mask is not None:
                target.write_mask(~mask)
    return path


def read(path):
    with rasterio.open(path) as source:
        return source.read(), source.read_masks() == 0


def holes(shape, share=0.2):
    """Return where pixels have no data: an area and single pixels, in all bands."""
    empty = np.random.default_rng(1).random(shape) < share / 2
    empty[: shape[0] // 3, : shape[1] // 3] = True
    return empty


def assert_as_in_the_file(model, folder, array, *, mask=None, nodata=None, **options):
    """Upscale an array and the GeoTIFF with the same pixels, and compare; return the result."""
    source = write(folder / "scene.tif", np.ma.getdata(array), mask, nodata)
    in_memory = model.upscale(array, nodata=nodata, **options)
    on_disk = model.upscale(source, folder / "out.tif", **options)
    assert in_memory.value_range == on_disk.value_range
    assert in_memory.made_with == on_disk.made_with
    pairs = [(in_memory.values, on_disk.values)]
    if options.get("uncertainty"):
        pairs.append((in_memory.interval, on_disk.interval))
    else:
        assert in_memory.interval is on_disk.interval is None
    for found, path in pairs:
        expected, masked = read(path)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(np.ma.getdata(found), expected)
        if mask is not None:
            np.testing.assert_array_equal(np.ma.getmaskarray(found), masked)
    return in_memory


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_give_what_files_give(model, tmp_path, dtype, options):
    array = random_pixels(4, (21, 34), dtype)
    result = assert_as_in_the_file(model, tmp_path, array, **options)
    assert result.values.shape == (4, 42, 68)
    assert not isinstance(result.values, np.ma.MaskedArray)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("marked", ["mask", "nodata", "nan"])
def test_pixels_without_data_are_those_of_files(model, tmp_path, dtype, marked, options):
    array = random_pixels(4, (40, 33), dtype)
    empty, marks = holes(array.shape[1:]), {}
    if marked == "mask":
        array, marks = (
            np.ma.MaskedArray(array, np.broadcast_to(empty, array.shape)),
            {"mask": empty},
        )
    elif marked == "nodata":
        array[:, empty] = array[0, 0, 0]
        marks = {"nodata": float(array[0, 0, 0])}
    elif np.dtype(dtype).kind == "f":
        array[:, empty] = np.nan
        array[1, -1, -1] = np.inf
    else:
        pytest.skip("integers have no NaN")
    result = assert_as_in_the_file(model, tmp_path, array, **marks, **options)
    held = np.ma.getdata(array).repeat(2, 1).repeat(2, 2)
    twice = empty.repeat(2, 0).repeat(2, 1)
    if "bands" not in options:
        np.testing.assert_array_equal(np.ma.getdata(result.values)[:, twice], held[:, twice])
    assert isinstance(result.values, np.ma.MaskedArray) == (marked == "mask")


def test_a_mask_of_single_bands_is_kept_for_each(model):
    array = np.ma.MaskedArray(random_pixels(4, 20), np.zeros((4, 20, 20), bool))
    array[2, 5:9, 3] = np.ma.masked
    result = model.upscale(array).values
    np.testing.assert_array_equal(result.mask, array.mask.repeat(2, 1).repeat(2, 2))


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (3, 200)])
def test_small_and_narrow_arrays(model, tmp_path, shape):
    assert_as_in_the_file(model, tmp_path, random_pixels(4, shape), uncertainty=True)


def test_wholly_masked_arrays_come_back_so(model, tmp_path):
    pixels, empty = random_pixels(4, 20), np.ones((20, 20), bool)
    array = np.ma.MaskedArray(pixels, np.broadcast_to(empty, pixels.shape))
    result = assert_as_in_the_file(model, tmp_path, array, mask=empty)
    assert result.values.mask.all()


def test_views_and_foreign_byte_orders_are_taken(model):
    array = random_pixels(4, 40, "uint16")
    expected = model.upscale(array[:, ::2, ::-1].copy()).values
    np.testing.assert_array_equal(model.upscale(array[:, ::2, ::-1]).values, expected)
    foreign = model.upscale(array[:, ::2, ::-1].astype(">u2")).values
    assert foreign.dtype.isnative
    np.testing.assert_array_equal(foreign, expected)


def test_the_source_is_not_changed(model):
    array = random_pixels(4, 20, "float32")
    array[0, :3] = np.nan
    before = array.copy()
    model.upscale(array, consistency=True)
    np.testing.assert_array_equal(array, before)


def test_one_function_upscales_arrays_and_files(tmp_path, make_geotiff):
    array = random_pixels(4, 24)
    source = make_geotiff(tmp_path / "scene.tif", array, photometric="MINISBLACK", alpha="NO")
    big = sr.upscale(array, device="cpu")
    assert sr.upscale(str(source), tmp_path / "a.tif", device="cpu") == tmp_path / "a.tif"
    assert sr.upscale(source, tmp_path / "folder", device="cpu").name == "scene_x2.tif"
    for path in (tmp_path / "a.tif", tmp_path / "folder" / "scene_x2.tif"):
        np.testing.assert_array_equal(read(path)[0], big)


def test_a_file_without_a_target_goes_beside_its_source(model, tmp_path):
    result = model.upscale(write(tmp_path / "a.tif", random_pixels(4, 20)), uncertainty=True)
    assert result.values == tmp_path / "a_x2.tif"
    assert result.interval == tmp_path / "a_x2_interval.tif"


def test_a_model_is_a_name_or_a_path(weights, monkeypatch):
    assert sr.load_model("unet", device="cpu").label == load_shipped("unet").label
    assert load_shipped("default").label in repr(sr.load_model(device="cpu"))
    monkeypatch.chdir(weights.parent)
    assert sr.load_model(weights.name).label == sr.load_model(weights).label


def test_the_result_says_what_made_it(model):
    made = model.upscale(random_pixels(4, 20), value_range=(0, 250), consistency=True).made_with
    assert made["weights"] == model.label
    assert made["version"] == sr.__version__
    assert (made["range"], made["consistency"], made["ensemble"]) == ("0:250", "on", "off")


def test_those_for_varied_imagery_are_listed_first_and_then_the_others_by_quality():
    found = sr.list_models()
    assert [entry.model for entry in found[:3]] == ["default", "fast", "best"]
    assert {entry.model for entry in found[3:]} == {"lean", "carn", "carn_m", "unet", "gan"}
    others = [entry.psnr for entry in found[3:]]
    assert others == sorted(others, reverse=True)
    assert all(entry.parameters > 0 and entry.speed is None for entry in found)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (np.zeros((20, 20), "uint8"), "array-not-3d"),
        (np.zeros((1, 4, 20, 20), "uint8"), "array-not-3d"),
        (np.zeros((4, 0, 20), "uint8"), "array-empty"),
        (np.zeros((0, 20, 20), "uint8"), "array-empty"),
        (np.zeros((3, 20, 20), "uint8"), "bands-differ"),
        (np.zeros((4, 20, 20), "complex64"), "dtype-unsupported"),
        (np.zeros((4, 20, 20), "bool"), "dtype-unsupported"),
        (np.zeros((4, 20, 20), "object"), "dtype-unsupported"),
        (np.zeros((4, 20, 20), "int64"), "dtype-unsupported"),
        (np.zeros((4, 20, 20), "float16"), "dtype-unsupported"),
        ([[[1, 2]]], "source-unsupported"),
        (None, "source-unsupported"),
        ("nowhere.tif", "file-missing"),
        (".", "raster-is-folder"),
    ],
)
def test_what_cannot_be_upscaled_is_named(model, source, code):
    with pytest.raises(UserError) as raised:
        model.upscale(source)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"value_range": "bright"}, "options-invalid"),
        ({"value_range": (3, 1)}, "options-invalid"),
        ({"tile": 3}, "options-invalid"),
        ({"bands": [1, 1, 2, 3]}, "options-invalid"),
        ({"bands": [1, 2, 3, 9]}, "unknown-band"),
        ({"bands": [1, 2]}, "bands-differ"),
        ({"target": "x.tif"}, "option-not-applicable"),
        ({"overwrite": True}, "option-not-applicable"),
    ],
)
def test_options_that_do_not_fit_are_named(model, options, code):
    with pytest.raises(UserError) as raised:
        model.upscale(random_pixels(4, 20), **options)
    assert raised.value.code == code


def test_unknown_options_are_refused(model):
    with pytest.raises(TypeError, match="consistent"):
        model.upscale(random_pixels(4, 20), consistent=True)


@pytest.mark.parametrize(
    ("name", "code"),
    [("leen", "unknown-model"), ("nowhere.safetensors", "weights-missing")],
)
def test_unknown_models_are_named(name, code):
    with pytest.raises(UserError) as raised:
        sr.load_model(name)
    assert raised.value.code == code
    assert name in str(raised.value)


def test_an_existing_result_stays_without_overwrite(model, tmp_path):
    source = write(tmp_path / "a.tif", random_pixels(4, 20))
    (tmp_path / "b.tif").write_bytes(b"precious")
    with pytest.raises(UserError) as raised:
        model.upscale(source, tmp_path / "b.tif")
    assert raised.value.code == "output-exists"
    model.upscale(source, tmp_path / "b.tif", overwrite=True)
    assert read(tmp_path / "b.tif")[0].shape == (4, 40, 40)


def run(code, *arguments):
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_imports_nothing_heavy():
    loaded = run("import sen2naip_sr, sys; print(*{n.partition('.')[0] for n in sys.modules})")
    heavy = {"torch", "numpy", "rasterio", "pydantic", "kedro", "mlflow", "pandas", "xarray"}
    assert not heavy & set(loaded.split())


BLOCKED = """
import sys
for name in ("kedro", "mlflow", "pandas", "scipy", "matplotlib", "sklearn", "optuna",
             "lightning_fabric", "xarray", "rioxarray"):
    sys.modules[name] = None
import numpy as np
import sen2naip_sr as sr
array = np.random.default_rng(0).integers(0, 255, (4, 24, 24), dtype=np.uint8)
print(sr.upscale(array).shape, sr.upscale(sys.argv[1]).name, len(sr.list_models()))
"""


def test_what_upscales_needs_none_of_the_packages_of_training(tmp_path):
    source = write(tmp_path / "a.tif", random_pixels(4, 20))
    assert run(BLOCKED, source).strip() == "(4, 48, 48) a_x2.tif 8"


def data_array(pixels, **attributes):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("rioxarray")
    height, width = pixels.shape[1:]
    names = ["red", "green", "blue", "nir"]
    data = xarray.DataArray(
        pixels,
        {
            "band": names,
            "y": UTM.f + UTM.e * (np.arange(height) + 0.5),
            "x": UTM.c + UTM.a * (np.arange(width) + 0.5),
            "time": 7,
        },
        ("band", "y", "x"),
        "scene",
        attributes,
    )
    return data.rio.write_crs("EPSG:26911")


def test_a_data_array_gives_one_on_the_same_ground(model):
    data = data_array(random_pixels(4, (20, 31)), sensor="NAIP")
    result = model.upscale(data, uncertainty=True)
    big = result.values
    np.testing.assert_array_equal(big.to_numpy(), model.upscale(data.to_numpy()).values)
    assert (big.dims, big.name, big.attrs) == (data.dims, data.name, data.attrs)
    assert list(big.band.values) == list(data.band.values)
    assert int(big.time) == 7
    assert big.rio.crs == data.rio.crs
    np.testing.assert_allclose(big.rio.bounds(), data.rio.bounds(), rtol=0, atol=1e-6)
    np.testing.assert_allclose(big.rio.resolution(), (0.3, -0.3))
    np.testing.assert_allclose(big.rio.transform(recalc=True), big.rio.transform(), atol=1e-6)
    np.testing.assert_allclose(big.x[:2], UTM.c + np.array([0.15, 0.45]), rtol=0, atol=1e-6)
    assert result.interval.dims == data.dims
    assert result.interval.shape == big.shape


def test_nodata_of_a_data_array_is_kept(model):
    pixels = random_pixels(4, 30)
    pixels[:, 3:9, 4:8] = 7
    data = data_array(pixels).rio.write_nodata(7)
    big = model.upscale(data).values
    assert big.rio.nodata == 7
    np.testing.assert_array_equal(big.to_numpy(), model.upscale(pixels, nodata=7).values)


def test_bands_of_a_data_array_are_chosen_with_their_names(model):
    data = data_array(random_pixels(4, 20))
    big = model.upscale(data, bands=[3, 2, 1, 4]).values
    assert list(big.band.values) == ["blue", "green", "red", "nir"]


def test_dimensions_of_a_data_array_may_have_another_order_or_name(model):
    data = data_array(random_pixels(4, (20, 31)))
    expected = model.upscale(data).values
    turned = model.upscale(data.rename(band="channel").transpose("y", "x", "channel")).values
    assert turned.dims == ("y", "x", "channel")
    np.testing.assert_array_equal(turned.transpose("channel", "y", "x"), expected)


def test_a_data_array_without_coordinates_stays_without(model):
    data = data_array(random_pixels(4, 20)).drop_vars(["x", "y", "spatial_ref", "band"])
    big = model.upscale(data).values
    assert set(big.coords) == {"time"}
    assert big.shape == (4, 40, 40)


def test_a_raster_opened_by_rioxarray_equals_the_file(model, tmp_path, make_geotiff):
    rioxarray = pytest.importorskip("rioxarray")
    pixels = random_pixels(4, (20, 31), "uint16")
    source = make_geotiff(tmp_path / "a.tif", pixels, nodata=5, photometric="MINISBLACK")
    expected, _ = read(model.upscale(source).values)
    with rioxarray.open_rasterio(source) as data:
        big = model.upscale(data).values
    np.testing.assert_array_equal(big.to_numpy(), expected)
    big.rio.to_raster(tmp_path / "b.tif")
    with rasterio.open(tmp_path / "b.tif") as after, rasterio.open(tmp_path / "a_x2.tif") as file:
        assert after.transform.almost_equals(file.transform, 1e-9)
        assert (after.crs, after.nodata) == (file.crs, file.nodata)


def open_upscaled(model, path, **options):
    """Open a raster with rioxarray and upscale it; return both."""
    rioxarray = pytest.importorskip("rioxarray")
    data = rioxarray.open_rasterio(path, **options)
    return data, model.upscale(data).values


def test_nodata_that_rioxarray_masked_stays_so(model, tmp_path, make_geotiff):
    pixels = random_pixels(4, 30, "uint16")
    pixels[:, 3:9, 4:8] = 0
    source = make_geotiff(tmp_path / "a.tif", pixels, nodata=0, photometric="MINISBLACK")
    data, big = open_upscaled(model, source, masked=True)
    np.testing.assert_array_equal(
        np.isnan(big), np.isnan(data).to_numpy().repeat(2, 1).repeat(2, 2)
    )
    assert big.dtype == data.dtype == "float32"
    assert big.rio.encoded_nodata == 0


def test_rotated_rasters_and_control_points_keep_their_ground(model, tmp_path, make_geotiff):
    turned = UTM @ Affine.rotation(30)
    data, big = open_upscaled(model, make_geotiff(tmp_path / "a.tif", size=20, transform=turned))
    assert big.rio.transform().almost_equals(turned @ Affine.scale(0.5), 1e-9)
    assert not {"x", "y", "xc", "yc"} & set(big.coords)
    corners = [(0, 0, 5e5, 4e6), (20, 0, 5e5, 39e5), (0, 24, 51e4, 4e6)]
    points = [GroundControlPoint(*corner) for corner in corners]
    with rasterio.open(write(tmp_path / "b.tif", random_pixels(4, 20)), "r+") as target:
        target.gcps = (points, CRS.from_epsg(32611))
    data, big = open_upscaled(model, tmp_path / "b.tif")
    found = [(point.row, point.col, point.x, point.y) for point in big.rio.get_gcps()]
    assert found == [(2 * row, 2 * column, x, y) for row, column, x, y in corners]
    assert big.rio.crs == data.rio.crs


@pytest.mark.parametrize("size", [(1, 20), (20, 1), (1, 1)])
def test_a_data_array_of_one_row_or_column_keeps_its_bounds(model, tmp_path, make_geotiff, size):
    data, big = open_upscaled(model, make_geotiff(tmp_path / "a.tif", size=size))
    np.testing.assert_allclose(big.rio.bounds(), data.rio.bounds(), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("dims", "code"), [(("a", "b", "c"), "dimensions-unknown"), (("y", "x"), "array-not-3d")]
)
def test_other_dimensions_of_a_data_array_are_named(model, dims, code):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("rioxarray")
    data = xarray.DataArray(random_pixels(4, 20)[0 if len(dims) == 2 else ...], dims=dims)
    with pytest.raises(UserError) as raised:
        model.upscale(data)
    assert raised.value.code == code
