"""Products of every kind: which files, which order, which values, what they say of themselves."""

import json

import numpy as np
import pytest
from affine import Affine
from made_products import (
    ROLES,
    S2_BANDS,
    SIDE,
    UTM,
    hls,
    landsat,
    pixels,
    planetscope,
    sentinel2,
    sentinel2_of_2015,
    stac_item,
    tarred,
    theia,
    write_raster,
    zipped,
)

from sen2naip_sr.raster.products.decoded import DecodedFile
from sen2naip_sr.raster.products.finding import find_product
from sen2naip_sr.raster.scene import open_scene


@pytest.fixture(scope="module")
def ground():
    """Return uint16 with a corner without data, whose bands differ."""
    values = pixels()
    values[:, :9, :7] = 0
    return values


def signed(values, nodata):
    values = values.astype("int16")
    values[values == 0] = nodata
    # negative reflectances are real
    values[0, 50, 40:] = -31
    return values


def seen(source, **options):
    """Return values, validity and the scene of a source, which is closed."""
    with open_scene(source, **options) as scene:
        return *scene.read(0, 0, scene.height, scene.width), scene


def check(source, values, nodata, scale, offset, **options):
    found, valid, scene = seen(source, **options)
    np.testing.assert_array_equal(found, values)
    np.testing.assert_array_equal(valid, values != nodata)
    assert scene.nodata == (nodata,) * 4
    assert [band.description for band in scene.bands] == list(ROLES)
    for band in scene.bands:
        assert band.scale == pytest.approx(scale, rel=1e-12)
        assert band.offset == pytest.approx(offset, abs=1e-12)
    assert float(scene.bands[0].tags.get("WAVELENGTH", 1)) > 0
    assert scene.product.order
    return scene


@pytest.mark.parametrize("level", ["L1C", "L2A"])
@pytest.mark.parametrize(("baseline", "offset"), [("02.14", 0), ("04.00", -1000), ("05.11", -1000)])
def test_sentinel_2_in_every_form(tmp_path, ground, level, baseline, offset):
    safe = sentinel2(tmp_path, ground, level=level, baseline=baseline)
    sources = [safe]
    if baseline == "05.11":
        granule = next(safe.glob("GRANULE/*/MTD_TL.xml"))
        sources += [zipped(safe), safe / f"MTD_MSI{level}.xml", granule]
    for source in sources:
        scene = check(source, ground, 0, 1e-4, offset / 1e4)
        product = scene.product
        assert product.kind == f"Sentinel-2 {level}"
        assert product.baseline == baseline
        assert product.name == safe.stem
        assert scene.published.blur == pytest.approx(0.5225, abs=1e-3)
        assert scene.published.noise[0] == pytest.approx(15.8, abs=0.1)
    # what the metadata say of the bands, not what is known of the sensor
    assert scene.bands[3].tags["WAVELENGTH"] == "557.5"
    assert scene.bands[0].tags["BANDNAME"] == "B04"


def test_offsets_are_those_of_the_metadata_whatever_the_baseline(tmp_path, ground):
    odd = sentinel2(tmp_path, ground, baseline="04.00", offset=-250, quantification=20_000)
    check(odd, ground, 0, 1 / 20_000, -250 / 20_000)
    none = sentinel2(tmp_path / "none", ground, quantification=None)
    with open_scene(none) as scene:
        assert {(band.scale, band.offset) for band in scene.bands} == {(1, 0)}


def test_missing_scales_are_said(tmp_path, ground, caplog):
    seen(sentinel2(tmp_path, ground, quantification=None))
    assert "state scale and offset of red, green, blue, nir" in caplog.text


def test_granules_of_one_zone_are_put_together(tmp_path, ground):
    other = pixels(7)
    moved = UTM @ Affine.translation(80, -16)
    tiles = (("33TWN", UTM, "EPSG:32633"), ("33TXN", moved, "EPSG:32633"))
    found, _, scene = seen(sentinel2(tmp_path, [ground, other], tiles=tiles))
    assert (scene.height, scene.width) == (SIDE + 16, SIDE + 80)
    assert scene.georeferencing.transform == UTM @ Affine.translation(0, -16)
    expected = np.zeros_like(found)
    expected[:, 16:, :SIDE] = ground
    expected[:, :SIDE, 80:] = other
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("level", ["L1C", "L2A"])
def test_products_of_2015_have_long_names_and_several_granules(tmp_path, ground, level):
    moved = UTM @ Affine.translation(SIDE, 0)
    tiles = (("33TWN", UTM, "EPSG:32633"), ("33TXN", moved, "EPSG:32633"))
    safe = sentinel2_of_2015(tmp_path, [ground, pixels(7)], level=level, tiles=tiles)
    expected = np.concatenate((ground, pixels(7)), axis=2)
    granule = next(safe.glob("GRANULE/*/*.xml"))
    for source in (safe, next(safe.glob("*.xml")), granule, zipped(safe)):
        scene = check(source, expected, 0, 1e-3, 0)
        assert scene.product.kind == f"Sentinel-2 {level}"
        assert scene.product.name == safe.stem
        assert "2 granules" in scene.product.order


def test_blocks_are_decoded_once_in_any_order(tmp_path, ground, monkeypatch):
    decoded = []
    true = DecodedFile.decode
    monkeypatch.setattr(
        DecodedFile,
        "decode",
        lambda self, row, column: (
            decoded.append((self.source.name, row, column)) or true(self, row, column)
        ),
    )
    with open_scene(sentinel2(tmp_path, ground)) as scene:
        for top, left in [(60, 3), (0, 0), (33, 50), (0, 0), (60, 3)]:
            values, _ = scene.read(top, left, 30, 40)
            np.testing.assert_array_equal(values, ground[:, top : top + 30, left : left + 40])
    assert decoded
    assert len(decoded) == len(set(decoded))


def test_theia_in_both_variants(tmp_path, ground):
    values = signed(ground, -10_000)
    place = theia(tmp_path, values)
    scene = check(place, values, -10_000, 1e-4, 0)
    assert scene.product.baseline == "3.1"
    check(zipped(place), values, -10_000, 1e-4, 0)
    steep = np.where(values == -10_000, values, values + 7)
    scene = check(place, steep, -10_000, 1e-4, 0, variant="SRE")
    assert scene.product.name.endswith("_SRE")


@pytest.mark.parametrize("craft", ["LC08", "LC09", "LE07", "LT05"])
def test_landsat(tmp_path, ground, craft, caplog):
    place = landsat(tmp_path, ground, craft=craft)
    for source in (place, tarred(place), next(place.glob("*_MTL.txt"))):
        scene = check(source, ground, 0, 2.75e-5, -0.2)
        assert scene.product.kind == f"Landsat {int(craft[2:])} Collection 2 level 2"
        assert scene.product.date == "2023-06-01"
    assert "30 m" in caplog.text


@pytest.mark.parametrize("satellite", ["L", "S"])
def test_hls(tmp_path, ground, satellite):
    values = signed(ground, -9999)
    place = hls(tmp_path, values, satellite=satellite)
    for source in (place, next(place.glob("*.B04.tif"))):
        scene = check(source, values, -9999, 1e-4, 0)
        assert scene.product.date == "2023-06-01T10:06:01Z"
    with open_scene(hls(tmp_path / "plain", values, satellite=satellite, scaled=False)) as scene:
        assert scene.bands[0].scale == 1


@pytest.mark.parametrize("bands", [4, 8])
@pytest.mark.parametrize("told", [{"xml": True}, {"xml": False, "names": True}])
def test_planetscope_by_xml_or_names(tmp_path, ground, bands, told):
    image = planetscope(tmp_path, ground, bands=bands, **told)
    sources = [image, tmp_path]
    if told["xml"]:
        sources.append(next(tmp_path.glob("*.xml")))
    for source in sources:
        scene = check(source, ground, 0, 1e-4, 0)
        # 4 bands are of sensors with different wavelengths
        assert ("WAVELENGTH" in scene.bands[0].tags) == (bands == 8)


def test_planetscope_radiance_has_the_coefficients_of_its_xml(tmp_path, ground):
    with open_scene(planetscope(tmp_path, ground, surface=False)) as scene:
        scales = [band.scale for band in scene.bands]
    # bands 3, 2, 1, 4 of the file
    assert scales == pytest.approx([2.3e-5, 2.2e-5, 2.1e-5, 2.4e-5])


def test_planetscope_without_anything_asks(tmp_path, ground, caplog):
    image = planetscope(tmp_path, ground, xml=False)
    assert find_product(image) is None
    found, _, _ = seen(image)
    np.testing.assert_array_equal(found, ground[[2, 1, 0, 3]])
    assert "is it a PlanetScope scene" in caplog.text
    assert "3, 2, 1, 4" in caplog.text


def test_udm2_marks_pixels_without_data(tmp_path, ground):
    marks = np.zeros((SIDE, SIDE), "uint8")
    # the first bit is no data; the second one, clouds, is data
    marks[40:50], marks[60:70], marks[80:] = 1, 2, 3
    _, valid, _ = seen(planetscope(tmp_path, ground, udm2=marks))
    np.testing.assert_array_equal(valid, (ground != 0) & (marks % 2 == 0))


def test_without_udm2_the_older_mask_is_used(tmp_path, ground):
    marks = np.zeros((SIDE, SIDE), "uint8")
    # the first bit is no data; others are bands with suspect values
    marks[40:50], marks[60:70] = 1, 4
    image = planetscope(tmp_path, ground, udm=marks)
    for source in (image, tmp_path):
        _, valid, scene = seen(source)
        np.testing.assert_array_equal(valid, (ground != 0) & (marks % 2 == 0))
        assert scene.product.order.endswith("UDM marks pixels without data")


def test_scenes_of_4_and_8_bands_of_one_moment(tmp_path, ground):
    for bands in (4, 8):
        planetscope(tmp_path, ground, bands=bands)
    for metadata in tmp_path.glob("*.xml"):
        found, _, scene = seen(metadata)
        np.testing.assert_array_equal(found, ground)
        assert ("8 bands" in scene.product.kind) == ("_8b" in metadata.name)


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_stac_items_by_common_names(tmp_path, ground, version):
    check(stac_item(tmp_path, ground, version=version), ground, 0, 1e-4, -0.1)


def test_stac_items_with_all_bands_in_one_file(tmp_path, ground):
    found, _, scene = seen(stac_item(tmp_path, ground, one_asset=True))
    np.testing.assert_array_equal(found, ground)
    assert scene.bands[0].offset == pytest.approx(-0.1)


def test_stac_items_without_scale_have_none(tmp_path, ground, caplog):
    _, _, scene = seen(stac_item(tmp_path, ground, scaled=False))
    assert scene.bands[0].scale == 1
    assert "no reflectance" in caplog.text


def test_items_that_contradict_themselves_are_asked_about(tmp_path, ground, caplog):
    for applied in (False, True):
        caplog.clear()
        item = stac_item(tmp_path, ground, more={"earthsearch:boa_offset_applied": applied})
        _, _, scene = seen(item)
        assert scene.bands[0].offset == pytest.approx(-0.1)
        assert ("one of both is wrong" in caplog.text) == applied


def test_stacks_by_files_and_patterns(tmp_path, ground):
    for role, band in S2_BANDS.items():
        write_raster(
            tmp_path / f"T33TWN_{band}.jp2", ground[ROLES.index(role)], driver="JP2OpenJPEG"
        )
    names = ",".join(f"{role}={tmp_path}/T33TWN_{band}.jp2" for role, band in S2_BANDS.items())
    patterns = ",".join(f"{role}={tmp_path}/*_{band}.jp2" for role, band in S2_BANDS.items())
    for text in (names, patterns):
        found, _, scene = seen(f"stack:{text}", nodata=0)
        np.testing.assert_array_equal(found, ground)
    assert scene.product.name == "T33TWN"


def test_other_files_are_no_products(tmp_path, ground, make_geotiff):
    assert find_product(make_geotiff(tmp_path / "scene.tif")) is None
    (tmp_path / "some.json").write_text(json.dumps({"type": "FeatureCollection"}))
    assert find_product(tmp_path / "some.json") is None
    assert find_product(tmp_path) is None
    assert find_product(tmp_path / "missing.zip") is None
