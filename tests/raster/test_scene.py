import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.enums import ColorInterp
from tiny_scenes import HEIGHT, PLACE, RGBA, UNDEFINED, WIDTH, make_scene, noise, upscale

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.scene import open_scene


def all_of(path, bands=None):
    with open_scene(path, bands) as scene:
        return scene.read(0, 0, scene.height, scene.width)


@pytest.fixture
def values():
    return noise(4, HEIGHT, WIDTH)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint16", "int16", "float32", "float64"])
def test_windows_are_what_the_file_holds(tmp_path, dtype):
    values = noise(3, HEIGHT, WIDTH, dtype)
    with open_scene(make_scene(tmp_path / "a.tif", values, **PLACE)) as scene:
        assert (scene.height, scene.width, scene.count) == (HEIGHT, WIDTH, 3)
        assert scene.dtype == dtype
        assert scene.georeferencing.known
        for top, left, height, width in [(0, 0, HEIGHT, WIDTH), (7, 9, 5, 11), (29, 39, 1, 1)]:
            window, valid = scene.read(top, left, height, width)
            np.testing.assert_array_equal(
                window, values[:, top : top + height, left : left + width]
            )
            assert window.dtype == dtype
            assert valid.dtype == bool
            assert valid.all()
            assert valid.shape == window.shape


@pytest.mark.parametrize("window", [(-1, 0, 2, 2), (0, 0, HEIGHT + 1, 2), (0, WIDTH, 1, 1)])
def test_a_window_outside_is_an_error_of_the_caller(tmp_path, values, window):
    with (
        open_scene(make_scene(tmp_path / "a.tif", values)) as scene,
        pytest.raises(ValueError, match="not in the scene"),
    ):
        scene.read(*window)


def test_bands_come_in_the_chosen_order(tmp_path, values):
    path = make_scene(tmp_path / "a.tif", values)
    window, valid = all_of(path, [4, 1])
    np.testing.assert_array_equal(window, values[[3, 0]])
    assert valid.shape == window.shape


@pytest.mark.filterwarnings("error")
def test_a_picture_without_georeferencing_opens_silently(tmp_path, values):
    with open_scene(make_scene(tmp_path / "a.tif", values)) as scene:
        assert not scene.georeferencing.known


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("uint8", 255), ("uint16", 0), ("int16", -9999), ("float32", -3.4028234663852886e38)],
)
def test_a_nodata_value_leaves_out_its_band_alone(tmp_path, dtype, nodata):
    values = noise(4, HEIGHT, WIDTH, dtype)
    values[1, 3, 4] = values[3, 5, 6] = nodata
    _, valid = all_of(make_scene(tmp_path / "a.tif", values, nodata=nodata))
    assert np.argwhere(~valid).tolist() == [[1, 3, 4], [3, 5, 6]]


@pytest.mark.parametrize("nodata", [None, np.nan, -9999])
def test_what_is_not_finite_is_no_data(tmp_path, nodata):
    values = noise(2, HEIGHT, WIDTH, "float32")
    values[0, 0, :3] = np.nan, np.inf, -np.inf
    _, valid = all_of(make_scene(tmp_path / "a.tif", values, nodata=nodata))
    assert np.argwhere(~valid).tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 2]]


def test_a_nodata_value_that_no_pixel_can_have_means_nothing(tmp_path, values):
    plain = make_scene(tmp_path / "a.tif", values)
    rasterio.shutil.copy(plain, tmp_path / "a.vrt", driver="VRT")
    text = (tmp_path / "a.vrt").read_text()
    text = text.replace("</ColorInterp>", "</ColorInterp><NoDataValue>-9999</NoDataValue>")
    (tmp_path / "a.vrt").write_text(text)
    with open_scene(tmp_path / "a.vrt") as scene:
        assert scene.nodata == (None,) * 4
        assert scene.read(0, 0, HEIGHT, WIDTH)[1].all()


@pytest.mark.parametrize("internal", [True, False])
@pytest.mark.parametrize("nodata", [None, 7])
def test_a_mask_leaves_out_all_bands_and_nodata_values_their_own(
    tmp_path, values, internal, nodata
):
    values[values == 7] = 8
    values[2, 20, 20] = 7
    mask = np.ones((HEIGHT, WIDTH), bool)
    mask[:4, :5] = False
    path = make_scene(tmp_path / "a.tif", values, mask=mask, internal=internal, nodata=nodata)
    assert (tmp_path / "a.tif.msk").exists() is not internal
    expected = np.broadcast_to(mask, values.shape).copy()
    expected[2, 20, 20] = nodata is None
    np.testing.assert_array_equal(all_of(path)[1], expected)
    np.testing.assert_array_equal(all_of(path, [3])[1], expected[2:3])


def test_nodata_values_of_all_bands_together_leave_out_where_all_agree(tmp_path, values):
    values[:, 0, 0] = 1, 2, 3, 4
    values[:, 0, 1] = 1, 2, 3, 5

    def describe(target):
        target.update_tags(NODATA_VALUES="1 2 3 4")

    _, valid = all_of(make_scene(tmp_path / "a.tif", values, describe=describe))
    assert np.argwhere(~valid).tolist() == [[band, 0, 0] for band in range(4)]


def test_bands_may_have_nodata_values_and_dtypes_of_their_own(tmp_path):
    values = noise(1, HEIGHT, WIDTH)
    values[0, 0, :2] = 103, 107
    make_scene(tmp_path / "a.tif", values)
    bands = "".join(
        f'<VRTRasterBand dataType="{dtype}" band="{band}"><NoDataValue>{nodata}</NoDataValue>'
        '<SimpleSource><SourceFilename relativeToVRT="1">a.tif</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
        for band, dtype, nodata in [(1, "Byte", 103), (2, "UInt16", 107)]
    )
    path = tmp_path / "a.vrt"
    path.write_text(
        f'<VRTDataset rasterXSize="{WIDTH}" rasterYSize="{HEIGHT}">{bands}</VRTDataset>'
    )
    window, valid = all_of(path)
    assert window.dtype == "uint16"
    np.testing.assert_array_equal(window, values.repeat(2, 0))
    assert np.argwhere(~valid).tolist() == [[0, 0, 0], [1, 0, 1]]


@pytest.mark.parametrize(("dtype", "opaque"), [("uint8", 255), ("uint16", 65535)])
@pytest.mark.parametrize("images", [3, 4])
def test_an_alpha_band_is_a_mask_and_no_image_band(tmp_path, dtype, opaque, images):
    values = noise(images + 1, HEIGHT, WIDTH, dtype)
    values[-1] = opaque
    values[-1, :3] = 0
    values[-1, 3] = opaque // 2
    kinds = [*RGBA[:3], *[UNDEFINED] * (images - 3), ColorInterp.alpha]
    with open_scene(make_scene(tmp_path / "a.tif", values, kinds=kinds)) as scene:
        window, valid = scene.read(0, 0, HEIGHT, WIDTH)
        np.testing.assert_array_equal(scene.read_alpha(1, 2, 6, 7), values[-1, 1:7, 2:9])
    np.testing.assert_array_equal(window, values[:-1])
    assert not valid[:, :3].any()
    assert valid[:, 3:].all()


@pytest.mark.parametrize("name", [None, "NIR", "Near-infrared"])
def test_near_infrared_that_is_marked_as_alpha_is_an_image_band(tmp_path, values, name):
    def describe(target):
        target.set_band_description(4, name or "")

    values[3, :5] = 0
    path = make_scene(tmp_path / "a.tif", values, kinds=RGBA, describe=describe)
    window, valid = all_of(path)
    np.testing.assert_array_equal(window, values)
    assert valid.all()


def test_an_alpha_band_that_is_chosen_is_an_image_band(tmp_path, values):
    values[3] = 255
    values[3, :5] = 0
    path = make_scene(tmp_path / "a.tif", values, kinds=RGBA)
    with open_scene(path, [1, 2, 3, 4]) as scene:
        window, valid = scene.read(0, 0, HEIGHT, WIDTH)
        with pytest.raises(ValueError, match="no alpha band"):
            scene.read_alpha(0, 0, 1, 1)
    np.testing.assert_array_equal(window, values)
    assert valid.all()


def test_threads_read_what_one_reads_while_another_file_is_written(tmp_path):
    values = noise(4, 400, 300, "uint16")
    path = make_scene(tmp_path / "a.tif", values, compress="deflate", nodata=50)
    with open_scene(path) as scene, ThreadPoolExecutor(4) as pool:
        written = pool.submit(upscale, path, tmp_path / "b.tif")
        tops = [top for top in range(0, 400, 10) for _ in range(4)]
        windows = list(pool.map(lambda top: scene.read(top, 0, 10, 300), tops))
        written.result()
    for top, (window, valid) in zip(tops, windows, strict=True):
        np.testing.assert_array_equal(window, values[:, top : top + 10])
        np.testing.assert_array_equal(valid, window != 50)


def cut_short(path, values):
    make_scene(path, values, compress="deflate")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_header(path, values):
    make_scene(path, values)
    path.write_bytes(path.read_bytes()[:6])


def paletted(path, values):
    def describe(target):
        target.write_colormap(1, {1: (255, 0, 0, 255)})

    make_scene(path, values[:1], photometric="palette", describe=describe)


def subdatasets(path, values):
    package = path.with_suffix(".gpkg")
    count, height, width = values.shape
    size = {"count": count, "height": height, "width": width, "dtype": values.dtype, **PLACE}
    for table, append in (("one", "NO"), ("two", "YES")):
        options = {"RASTER_TABLE": table, "APPEND_SUBDATASET": append}
        with rasterio.open(package, "w", driver="GPKG", **size, **options) as target:
            target.write(values)
    package.rename(path)


FAULTS = {
    "no such file": (lambda path, _: None, "there is no such file"),
    "empty": (lambda path, _: path.touch(), r"is empty \(0 bytes\)"),
    "a folder": (lambda path, _: path.mkdir(), "is a folder"),
    "text": (lambda path, _: path.write_text("red, green\n" * 50), "is no raster"),
    "cut short": (cut_short, "cannot be read"),
    "without header": (without_header, "is no raster"),
    "complex": (lambda p, v: make_scene(p, v.astype("complex64")), r"complex numbers"),
    "int64": (lambda p, v: make_scene(p, v.astype("int64")), "int64.* exactly"),
    "uint64": (lambda p, v: make_scene(p, v.astype("uint64")), "uint64.* exactly"),
    "paletted": (paletted, "colour table"),
    "subdatasets": (subdatasets, "only 2 subdatasets"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_upscaled_is_refused_by_name_reason_and_remedy(tmp_path, values, fault):
    make, reason = FAULTS[fault]
    path = tmp_path / "scene.tif"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make(path, values)
    with pytest.raises(UserError, match=f"scene.tif: .*{reason}") as error:
        all_of(path)
    assert error.value.remedy


@pytest.mark.parametrize(
    ("bands", "reason"),
    [([5], "no band 5"), ([0, 1], "no band 0"), ([1, 1], "chosen twice"), ([], "no band is")],
)
def test_bands_that_are_not_there_are_refused(tmp_path, values, bands, reason):
    path = make_scene(tmp_path / "a.tif", values)
    with pytest.raises(UserError, match=rf"a.tif: .*{reason}(.|\n)*1 to 4"):
        open_scene(path, bands)


def test_a_scene_that_was_refused_is_closed(tmp_path, values):
    path = make_scene(tmp_path / "a.tif", values)
    opened = Path("/proc/self/fd")
    if not opened.is_dir():
        pytest.skip("open files cannot be listed here")
    before = len(list(opened.iterdir()))
    for _ in range(5):
        with pytest.raises(UserError):
            open_scene(path, [9])
    assert len(list(opened.iterdir())) == before
