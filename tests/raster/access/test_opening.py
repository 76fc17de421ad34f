"""What may be opened, and what no file may make GDAL do."""

import os
import shutil
import struct
import time
import zipfile
import zlib

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import serving
from tiny_scenes import PLACE, make_scene, noise

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access import opening
from sen2naip_sr.raster.access.opening import further_parts, open_raster
from sen2naip_sr.raster.scene import open_scene

ENDINGS = ("tif", "tiff", "jp2", "png", "gpkg", "xml", "wms", "vrt")
VRT = """<VRTDataset rasterXSize="40" rasterYSize="30"><VRTRasterBand dataType="Byte" band="1">
<SimpleSource><SourceFilename relativeToVRT="{relative}">{name}</SourceFilename><SourceBand>1
</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""
WCS = "<WCS_GDAL><ServiceURL>http://{server}/wcs?</ServiceURL><CoverageName>a</CoverageName></WCS_GDAL>"
WMS = """<GDAL_WMS><Service name="TMS"><ServerUrl>http://{server}/${{z}}/${{x}}/${{y}}.png</ServerUrl>
</Service><DataWindow><UpperLeftX>-10</UpperLeftX><UpperLeftY>10</UpperLeftY><LowerRightX>10
</LowerRightX><LowerRightY>-10</LowerRightY><SizeX>40</SizeX><SizeY>30</SizeY></DataWindow>
<BandsCount>4</BandsCount></GDAL_WMS>"""


def refused(path, **options):
    began = time.perf_counter()
    with pytest.raises(UserError) as error:
        with open_scene(path, **options) as scene:
            scene.read(0, 0, scene.height, scene.width)
    assert time.perf_counter() - began < 10
    assert error.value.remedy
    return error.value


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    make_scene(folder / "a.tif", noise(4, 30, 40), **PLACE)
    with serving(folder, tmp_path / "server.log") as (address, asked):
        yield address, asked


@pytest.mark.parametrize(
    "content",
    [
        VRT.format(relative=0, name="/vsicurl/http://{server}/a.tif"),
        VRT.format(relative=0, name="http://{server}/a.tif"),
        VRT.format(relative=1, name="/vsicurl/http://{server}/a.tif"),
        VRT.format(relative=0, name=WCS.replace("<", "&lt;")),
        VRT.format(relative=0, name="WMS:http://{server}/a"),
        VRT.format(relative=0, name="vrt:///vsicurl/http://{server}/a.tif"),
        VRT.replace("SourceFilename", "sourcefilename").format(
            relative=0, name="/vsicurl/http://{server}/a.tif"
        ),
        WCS,
        WMS,
        "http://{server}/a.tif",
        "/vsicurl/http://{server}/a.tif",
    ],
)
def test_no_text_file_makes_a_request_or_opens_another(tmp_path, server, content):
    address, asked = server
    text = content.replace("{{", "{").replace("}}", "}").replace("{server}", address)
    for ending in ENDINGS:
        path = tmp_path / f"scene.{ending}"
        path.write_text(text)
        refused(path)
    assert asked() == []


@pytest.mark.parametrize("sidecar", [".ovr", ".msk", ".OVR", ".MSK", ".msk.ovr"])
@pytest.mark.parametrize("kind", [VRT, WCS])
def test_no_sidecar_widens_what_is_opened(tmp_path, server, sidecar, kind):
    address, asked = server
    scene = make_scene(tmp_path / "a.tif", noise(4, 30, 40), **PLACE)
    if sidecar == ".msk.ovr":
        make_scene(tmp_path / "a.tif.msk", noise(1, 30, 40))
    text = kind.format(relative=0, name=f"/vsicurl/http://{address}/a.tif", server=address)
    (tmp_path / f"a.tif{sidecar}").write_text(text)
    assert f"a.tif{sidecar}" in refused(scene).problem
    assert asked() == []


@pytest.mark.parametrize("where", ["sidecar", "file", "mask", "overviews", "source"])
def test_no_metadata_widen_what_is_opened(tmp_path, server, where):
    address, asked = server
    scene = make_scene(tmp_path / "a.tif", noise(4, 30, 40), **PLACE)
    name = f"/vsicurl/http://{address}/a.tif"
    named = {"mask": "a.tif.msk", "overviews": "a.tif.ovr"}.get(where, "a.tif")
    if where != "sidecar":
        if named != "a.tif":
            make_scene(tmp_path / named, noise(1, 30, 40))
        with rasterio.open(tmp_path / named, "r+") as target:
            target.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=name)
        if where == "source":
            scene = tmp_path / "a.vrt"
            scene.write_text(VRT.format(relative=1, name="a.tif"))
    else:
        (tmp_path / "a.tif.aux.xml").write_text(
            f'<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{name}</MDI>'
            "</Metadata></PAMDataset>"
        )
    assert "overviews" in refused(scene).problem
    assert asked() == []


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE a [<!ENTITY b "c">]><VRTDataset/>',
        "<VRTDataset",
        "<Other/>",
        '<VRTDataset><VRTRasterBand subClass="VRTDerivedRasterBand"><PixelFunctionLanguage>Python'
        "</PixelFunctionLanguage></VRTRasterBand></VRTDataset>",
        '<VRTDataset><VRTRasterBand subClass="vrtRawRasterBand"><SourceFilename>a.tif'
        "</SourceFilename></VRTRasterBand></VRTDataset>",
        VRT.format(relative=1, name="a.vrt"),
        VRT.format(relative=1, name="none.tif"),
        VRT.format(relative=0, name="/etc/passwd"),
        VRT.format(relative=1, name="text.tif"),
        "<a>" * 100_000,
    ],
)
def test_a_vrt_with_code_loops_or_no_rasters_is_refused(tmp_path, content):
    (tmp_path / "a.vrt").write_text(content)
    (tmp_path / "text.tif").write_text("words")
    error = refused(tmp_path / "a.vrt")
    assert error.problem
    assert error.remedy


def test_a_vrt_of_files_is_opened_and_drivers_can_be_allowed(tmp_path):
    values = noise(4, 30, 40)
    scene = make_scene(tmp_path / "a.tif", values, **PLACE)
    rasterio.shutil.copy(scene, tmp_path / "a.vrt", driver="VRT")
    rasterio.shutil.copy(scene, tmp_path / "a.img", driver="HFA")
    for path, drivers in ((tmp_path / "a.vrt", ()), (tmp_path / "a.img", ("HFA",))):
        with open_scene(path, drivers=drivers) as opened:
            assert np.array_equal(opened.read(0, 0, 30, 40)[0], values)
    assert refused(tmp_path / "a.img").code == "format-refused"
    assert "did you mean 'HFA'" in refused(scene, drivers=("HFB",)).problem


@pytest.mark.parametrize("driver", ["GTiff", "PNG", "JP2OpenJPEG", "GPKG"])
@pytest.mark.parametrize("ending", ["own", "tif"])
def test_formats_are_known_by_their_bytes(tmp_path, driver, ending):
    values = noise(4, 64, 64)
    scene = make_scene(tmp_path / "plain.tif", values, **PLACE)
    own = {"GTiff": "tif", "PNG": "png", "JP2OpenJPEG": "jp2", "GPKG": "gpkg"}[driver]
    made = tmp_path / f"made.{own}"
    with rasterio.open(scene) as source:
        lossless = {"JP2OpenJPEG": {"QUALITY": 100, "REVERSIBLE": "YES"}}.get(driver, {})
        profile = {"count": 4, "height": 64, "width": 64, "dtype": "uint8", **PLACE, **lossless}
        with rasterio.open(made, "w", driver=driver, **profile) as target:
            target.write(source.read())
    path = made if ending == "own" else made.rename(tmp_path / "scene.tif")
    with open_raster(path) as opened:
        assert opened.driver == driver
        assert np.array_equal(opened.read(), values)


def test_sources_that_users_give_are_read(tmp_path, server, monkeypatch):
    address, asked = server
    values = noise(4, 30, 40)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(tmp_path / "served" / "a.tif", "in/a.tif")
    shutil.copy(tmp_path / "b.zip", tmp_path / "served")
    bucket = tmp_path / "served" / "bucket" / "key"
    bucket.mkdir(parents=True)
    shutil.copy(tmp_path / "served" / "a.tif", bucket)
    for name, value in {
        "AWS_S3_ENDPOINT": address,
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
        "AWS_NO_SIGN_REQUEST": "YES",
    }.items():
        monkeypatch.setenv(name, value)
    for text in (
        f"/vsizip/{tmp_path}/b.zip/in/a.tif",
        f"zip://{tmp_path}/b.zip!in/a.tif",
        f"http://{address}/a.tif",
        f"/vsicurl/http://{address}/a.tif",
        f"zip+http://{address}/b.zip!in/a.tif",
        "s3://bucket/key/a.tif",
        "/vsis3/bucket/key/a.tif",
    ):
        with open_scene(text) as scene:
            assert np.array_equal(scene.read(0, 0, 30, 40)[0], values), text
    assert "/a.tif" in asked()


def test_a_mask_beside_a_remote_scene_counts_and_no_other_format_there(tmp_path, server):
    address, asked = server
    mask = np.ones((30, 40), bool)
    mask[:9] = False
    make_scene(tmp_path / "served" / "b.tif", noise(4, 30, 40), mask=mask, internal=False)
    with open_scene(f"http://{address}/b.tif") as scene:
        assert np.array_equal(scene.read(0, 0, 30, 40)[1][0], mask)
    (tmp_path / "served" / "a.tif.msk").write_text(WCS.format(server=address))
    with open_scene(f"http://{address}/a.tif") as scene:
        assert scene.read(0, 0, 30, 40)[1].all()
    make_scene(tmp_path / "served" / "c.tif", noise(4, 30, 40))
    make_scene(tmp_path / "served" / "c.tif.ovr", noise(4, 15, 20))
    with rasterio.open(tmp_path / "served" / "c.tif.ovr", "r+") as target:
        target.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=f"/vsicurl/http://{address}/wcs")
    open_scene(f"http://{address}/c.tif").close()
    assert not [path for path in asked() if "wcs" in path]


def test_further_pages_are_named_and_can_be_opened(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    first, second = noise(4, 30, 40), noise(4, 30, 40, seed=1)
    for values, append in ((first, "NO"), (second, "YES")):
        profile = {"count": 4, "height": 30, "width": 40, "dtype": "uint8", **PLACE}
        with rasterio.open(
            "a.tif", "w", driver="GTiff", APPEND_SUBDATASET=append, **profile
        ) as target:
            target.write(values)
    with open_raster("a.tif") as opened:
        assert "GTIFF_DIR:2:a.tif" in further_parts(opened)
    with open_scene("a.tif") as scene:
        assert np.array_equal(scene.read(0, 0, 30, 40)[0], first)
    assert "GTIFF_DIR:2:a.tif" in caplog.text
    with open_scene("GTIFF_DIR:2:a.tif") as scene:
        assert np.array_equal(scene.read(0, 0, 30, 40)[0], second)


def test_pipes_beside_a_scene_are_not_waited_for(tmp_path):
    scene = make_scene(tmp_path / "a.tif", noise(4, 30, 40))
    for name in ("a.tif.aux.xml", "a.tfw", "a.tif.msk", "A.RPB"):
        os.mkfifo(tmp_path / name)
        assert name in refused(scene).problem
        (tmp_path / name).unlink()
        # folders' times have the system clock's resolution
        time.sleep(0.02)
    open_scene(scene).close()


@pytest.mark.parametrize(("interlaced", "opened"), [(0, True), (1, False)])
def test_an_image_that_is_decoded_as_a_whole_has_to_fit_into_memory(interlaced, opened, tmp_path):
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 6, 0, 0, interlaced)
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(80_001))), (b"IEND", b"")):
        check = struct.pack(">I", zlib.crc32(name + data))
        content += struct.pack(">I", len(data)) + name + data + check
    (tmp_path / "a.png").write_bytes(content)
    if opened:
        with open_raster(tmp_path / "a.png") as source:
            assert source.shape == (20_000, 20_000)
    else:
        assert refused(tmp_path / "a.png").code == "raster-too-large"


@pytest.mark.parametrize(
    "profile",
    [
        {"count": 60_000, "height": 4, "width": 4, "dtype": "uint8"},
        {"count": 4, "height": 30_000, "width": 30_000, "dtype": "float64", "blockysize": 30_000},
        {
            "count": 4,
            "height": 40_000,
            "width": 40_000,
            "dtype": "uint8",
            "tiled": True,
            "blockxsize": 32_768,
            "blockysize": 32_768,
        },
    ],
    ids=["bands", "strip", "tile"],
)
def test_bombs_are_refused_before_they_are_read(tmp_path, profile):
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", SPARSE_OK=True, BIGTIFF="YES", **profile
    ):
        pass
    assert refused(tmp_path / "a.tif").code in ("raster-too-large", "file-empty")


@given(st.binary(max_size=200), st.sampled_from([b"", b"II*\0", b"MM\0*", b"\x89PNG\r\n\x1a\n"]))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_are_refused_in_words(tmp_path, content, start):
    (tmp_path / "a.tif").write_bytes(start + content)
    error = refused(tmp_path / "a.tif")
    assert error.problem
    assert error.remedy


def test_no_public_function_leaves_the_drivers_open(tmp_path):
    (tmp_path / "a.tif").write_text(WMS.format(server="127.0.0.1:9"))
    with pytest.raises(Exception, match="not recognized"):
        opening.open_own(tmp_path / "a.tif")
    with pytest.raises(Exception, match="not recognized"):
        opening.open_memory((tmp_path / "a.tif").read_bytes())
