import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp, MaskFlags
from tiny_scenes import HEIGHT, RGBA, UNDEFINED, WIDTH, make_scene, noise, read, twice, upscale

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


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("uint8", 255), ("uint16", 0), ("int16", -9999), ("float32", -9999.5), ("float32", np.nan)],
)
def test_a_nodata_value_stays_a_nodata_value(tmp_path, target, dtype, nodata):
    values = noise(4, HEIGHT, WIDTH, dtype)
    values[1, 3:9] = nodata
    upscale(make_scene(tmp_path / "a.tif", values, nodata=nodata), target)
    pixels, masks = read(target)
    np.testing.assert_array_equal(pixels, twice(values))
    with rasterio.open(target) as source:
        assert source.mask_flag_enums == ([MaskFlags.nodata],) * 4
        np.testing.assert_equal(source.nodata, nodata)
    assert (masks[1, 6:18] == 0).all()
    assert (masks[[0, 2, 3]] == 255).all()


def test_what_is_not_finite_stays_as_it_is(tmp_path, target):
    values = noise(4, HEIGHT, WIDTH, "float32")
    values[0, 0, :3] = np.nan, np.inf, -np.inf
    upscale(make_scene(tmp_path / "a.tif", values), target)
    np.testing.assert_array_equal(read(target)[0], twice(values))


@pytest.mark.parametrize(
    ("dtype", "nodata", "nearest"),
    [
        ("uint8", 255, 254),
        ("uint8", 0, 1),
        ("int16", -32768, -32767),
        ("uint16", 65535, 65534),
        ("float32", 0, np.finfo("float32").tiny),
        ("float32", -9999, None),
        ("float64", 1e20, None),
    ],
)
def test_data_that_equal_the_nodata_value_stay_data(tmp_path, target, dtype, nodata, nearest):
    values = noise(4, HEIGHT, WIDTH, dtype)
    values[2, :5] = nodata

    def predict(pixels, valid):
        return np.where((pixels == 7) & valid, np.array(nodata, dtype), pixels)

    upscale(make_scene(tmp_path / "a.tif", values, nodata=nodata), target, change=predict)
    pixels, masks = read(target)
    hit = twice(values == 7)
    assert hit.any()
    np.testing.assert_array_equal(masks == 0, twice(values == np.array(nodata, dtype)))
    np.testing.assert_array_equal(pixels[~hit], twice(values)[~hit])
    np.testing.assert_allclose(pixels[hit], nodata, rtol=1e-6, atol=1)
    if nearest is not None:
        assert (pixels[hit] == nearest).all()


@pytest.mark.parametrize("internal", [True, False])
@pytest.mark.parametrize("nodata", [None, 7])
def test_a_mask_stays_a_mask_beside_a_nodata_value(tmp_path, target, values, internal, nodata):
    mask = np.ones((HEIGHT, WIDTH), bool)
    mask[:4, :5] = False
    source = make_scene(tmp_path / "a.tif", values, mask=mask, internal=internal, nodata=nodata)
    upscale(source, target, side=11)
    pixels, masks = read(target)
    np.testing.assert_array_equal(pixels, twice(values))
    np.testing.assert_array_equal(masks != 0, np.broadcast_to(twice(mask), masks.shape))
    with rasterio.open(target) as result:
        assert result.mask_flag_enums == ([MaskFlags.per_dataset],) * 4
        assert result.nodata == nodata
    assert list(target.parent.iterdir()) == [target]
    with open_scene(source) as before, open_scene(target) as after:
        valid = twice(before.read(0, 0, HEIGHT, WIDTH)[1])
        np.testing.assert_array_equal(after.read(0, 0, 2 * HEIGHT, 2 * WIDTH)[1], valid)


@pytest.mark.parametrize("images", [3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_an_alpha_band_stays_an_alpha_band(tmp_path, target, images, dtype):
    values = noise(images + 1, HEIGHT, WIDTH, dtype)
    values[-1] = 65535 if dtype == "uint16" else 255
    values[-1, :3] = 0
    values[-1, 3] = 99
    kinds = [*RGBA[:3], *[UNDEFINED] * (images - 3), ColorInterp.alpha]
    upscale(make_scene(tmp_path / "a.tif", values, kinds=kinds), target, side=11)
    np.testing.assert_array_equal(read(target)[0], twice(values))
    with rasterio.open(target) as source:
        assert list(source.colorinterp) == kinds
        assert [MaskFlags.per_dataset] not in source.mask_flag_enums
    assert list(target.parent.iterdir()) == [target]


def test_opacity_is_right_in_windows_that_begin_and_end_within_input_pixels(tmp_path, target):
    values = noise(5, HEIGHT, WIDTH)
    values[-1] = np.where(values[0] % 3, 255, values[0])
    kinds = [*RGBA[:3], UNDEFINED, ColorInterp.alpha]
    with (
        open_scene(make_scene(tmp_path / "a.tif", values, kinds=kinds)) as scene,
        writing_cog(target, scene, {}) as writer,
    ):
        for top in range(0, 2 * HEIGHT, 7):
            window = twice(values[:4])[:, top : top + 7]
            writer.write(top, 0, window[..., :33], np.ones(window[..., :33].shape, bool))
            writer.write(top, 33, window[..., 33:], np.ones(window[..., 33:].shape, bool))
    np.testing.assert_array_equal(read(target)[0], twice(values))


@pytest.mark.parametrize("marking", ["nodata", "mask", "alpha of four", "alpha of five", "NaN"])
def test_overviews_average_data_alone(tmp_path, target, marking):
    size = BLOCK // 2 + 20
    values = np.full((5 if marking == "alpha of five" else 4, size, size), 100, "float32")
    empty = np.zeros((size, size), bool)
    # an odd row, so that pixels of the overview lie half on each side
    empty[:11] = True
    values[:, empty] = np.nan if marking == "NaN" else 0
    kinds = [*RGBA[:3], *[UNDEFINED] * (len(values) - 4)]
    options = {"kinds": [*kinds, UNDEFINED]}
    if marking == "nodata":
        options["nodata"] = 0
    elif marking == "mask":
        options["mask"] = ~empty
    elif marking.startswith("alpha"):
        values[-1] = np.where(empty, 0, 255)
        options["kinds"] = [*kinds, ColorInterp.alpha]

    def shifted(source, target):
        # one output pixel down: the border then lies within a pixel of the overview
        with open_scene(source) as scene, writing_cog(target, scene, {}) as writer:
            pixels, valid = (twice(a) for a in scene.read(0, 0, size, size))
            pixels[:, 22], valid[:, 22] = pixels[:, 0], False
            writer.write(0, 0, pixels, valid)

    shifted(make_scene(tmp_path / "a.tif", values.astype("float32"), **options), target)
    overview, _ = read(target, overview_level=0)
    images = overview[: len(values) - marking.startswith("alpha")]
    assert np.isin(images[:, 11:], 100).all()
    assert not np.isin(images[:, :11], 100).any()


def test_bands_with_nodata_values_of_their_own_get_one_in_common(tmp_path, target):
    values = noise(2, HEIGHT, WIDTH)
    values[0, 0, :3] = values[1, 0, :3] = 103, 107, 1
    make_scene(tmp_path / "a.tif", values)
    rasterio.shutil.copy(tmp_path / "a.tif", tmp_path / "a.vrt", driver="VRT")
    text = (tmp_path / "a.vrt").read_text()
    for number in (103, 107):
        text = text.replace(
            "</VRTRasterBand>", f"<NoDataValue>{number}</NoDataValue></VRTRasterBAND>", 1
        )
    (tmp_path / "a.vrt").write_text(text.replace("BAND>", "Band>"))
    upscale(tmp_path / "a.vrt", target)
    with open_scene(target) as scene:
        pixels, valid = scene.read(0, 0, 2, 6)
        assert scene.nodata == (103, 103)
    assert valid[:, 0, ::2].tolist() == [[False, True, True], [True, False, True]]
    assert pixels[:, 0, ::2].tolist() == [[103, 107, 1], [104, 103, 1]]


def test_another_dtype_keeps_nodata_values_that_it_can_hold(tmp_path, target, values):
    values[0, :3] = 0
    source = make_scene(tmp_path / "a.tif", values, nodata=0)
    upscale(source, target, dtype="float32", change=lambda pixels, _: pixels.astype("float32"))
    pixels, masks = read(target)
    assert pixels.dtype == "float32"
    np.testing.assert_array_equal(masks == 0, twice(values == 0))


def test_another_dtype_masks_what_it_cannot_mark(tmp_path, target):
    values = noise(4, HEIGHT, WIDTH, "float32")
    values[:, :3] = np.nan
    source = make_scene(tmp_path / "a.tif", values)

    def change(pixels, valid):
        return np.where(valid, pixels, 0).astype("uint8")

    upscale(source, target, dtype="uint8", change=change)
    np.testing.assert_array_equal(read(target)[1] == 0, twice(np.isnan(values)))
