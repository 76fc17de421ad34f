"""From a layer to what the command opens."""

import pytest
from sen2naip_sr_qgis.core.problems import Problem
from sen2naip_sr_qgis.core.sources import Layer, is_uploadable, source_of

SAFE = "S2A_MSIL2A_20220101T000000_N0301_R001_T31TCJ_20220101T000000.SAFE"


@pytest.mark.parametrize(
    "source",
    [
        "/data/scene.tif",
        "/data/a folder/scene, 2023: (1).tif",
        r"C:\data\scene.tif",
        "/data/scene.gpkg",
        "GPKG:/data/scenes.gpkg:july",
        "/data/mosaic.vrt",
        "GTIFF_DIR:2:/data/pages.tif",
        'NETCDF:"/data/s.nc":Band1',
        "/vsizip//data/scenes.zip/a.tif",
        "/vsicurl/https://example.org/scene.tif",
        "https://example.org/scene.tif",
    ],
)
def test_files_addresses_and_parts_go_to_the_command_as_they_are(source):
    assert source_of(Layer("scene", "gdal", source)) == source


@pytest.mark.parametrize(
    ("path", "product"),
    [
        (f"/data/{SAFE}/MTD_MSIL2A.xml", f"/data/{SAFE}/MTD_MSIL2A.xml"),
        (f"C:\\d\\{SAFE}\\MTD_MSIL2A.xml", f"C:\\d\\{SAFE}\\MTD_MSIL2A.xml"),
        (f"/vsizip//data/s2.zip/{SAFE}/MTD_MSIL2A.xml", "/data/s2.zip"),
        (f"/vsizip/data/s2.zip/{SAFE}/MTD_MSIL2A.xml", "/data/s2.zip"),
        (f"/vsizip/C:/d/s2.zip/{SAFE}/MTD_MSIL2A.xml", "C:/d/s2.zip"),
    ],
)
def test_the_10_m_bands_of_a_sentinel_2_product_are_the_product(path, product):
    assert source_of(Layer("s2", "gdal", f"SENTINEL2_L2A:{path}:10m:EPSG_32631")) == product
    assert source_of(Layer("s2", "gdal", f"SENTINEL2_L1C:{path}:10m:EPSG_32631")) == product


@pytest.mark.parametrize(
    ("provider", "source", "said"),
    [
        ("wms", "type=xyz&url=https://tiles", "picture service"),
        ("wcs", "url=https://wcs", "coverage service"),
        ("postgresraster", "dbname='x'", "PostgreSQL"),
        ("virtualraster", "?crs=EPSG:4326", "virtual raster"),
        ("mesh", "x.2dm", "no file (provider 'mesh')"),
        ("gdal", "/vsimem/scene.tif", "memory of QGIS"),
        ("gdal", "<VRTDataset></VRTDataset>", "text in the project"),
        ("gdal", "/vsicurl/https://x/a.tif authcfg='abc1234'", "credentials"),
        ("gdal", "/data/a.jp2|option:1BIT_ALPHA_PROMOTION=NO", "options"),
        ("gdal", 'HDF4_SDS:UNKNOWN:"/data/a.hdf":0', "HDF4_SDS"),
        ("gdal", f"SENTINEL2_L2A:/data/{SAFE}/MTD_MSIL2A.xml:20m:EPSG_32631", "'20m'"),
    ],
)
def test_layers_that_no_other_process_can_open_are_refused_by_name(provider, source, said):
    with pytest.raises(Problem, match=r"What to do: (export|take the layer)") as caught:
        source_of(Layer("My layer", provider, source))
    assert said in caught.value.problem
    assert "'My layer'" in caught.value.problem


def test_servers_take_plain_files_only():
    assert is_uploadable("/data/scene.TIF")
    assert is_uploadable("/data/scene.jp2")
    assert not is_uploadable("/data/scene.vrt")
    assert not is_uploadable("/vsizip/a.zip/scene.tif")
    assert not is_uploadable("GPKG:/data/a.gpkg:b")
