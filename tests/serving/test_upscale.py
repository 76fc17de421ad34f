"""Scenes that are upscaled while the client waits: the answers are the command line's results."""

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from served import TIFF, by_command, files_below

from sen2naip_sr.command import main

POLYGON = (
    '{"type": "Polygon", "coordinates": [[[400031, 4999852], [400199, 4999860], [400102, 4999991],'
    ' [400031, 4999852]]], "crs": {"type": "name", "properties": {"name": "EPSG:32633"}}}'
)
CASES = {
    "uint8": ({"dtype": "uint8"}, {}),
    "int8, consistency": ({"dtype": "int8"}, {"consistency": True}),
    "uint16, nodata": ({"dtype": "uint16", "nodata": 0}, {}),
    "int16, ensemble": ({"dtype": "int16"}, {"ensemble": True}),
    "uint32, range": ({"dtype": "uint32"}, {"value_range": "dtype"}),
    "int32, given nodata": ({"dtype": "int32"}, {"nodata": 7.0}),
    "float32, NaN": ({"dtype": "float32", "nodata": np.nan}, {"sharpness": 0.5}),
    "float64, bands": ({"dtype": "float64"}, {"bands": [3, 2, 1, 4]}),
    "all nodata": ({"array": np.zeros((4, 20, 30), "uint8"), "nodata": 0}, {}),
    "conditioned": ({"dtype": "uint8", "size": 64}, {"model": "default"}),
    "told": ({"dtype": "uint16"}, {"model": "default", "noise": 2.0, "blur": "recipe"}),
    "window": ({"dtype": "uint16"}, {"window": [3, 4, 20, 9]}),
    "box": (
        {"crs": "EPSG:32633", "transform": rasterio.Affine(10, 0, 4e5, 0, -10, 5e6), "nodata": 0},
        {"bbox": [400_035.0, 4_999_850.0, 400_105.0, 4_999_990.0], "bbox_crs": "EPSG:32633"},
    ),
    "polygon": (
        {"crs": "EPSG:32633", "transform": rasterio.Affine(10, 0, 4e5, 0, -10, 5e6), "nodata": 0},
        {"aoi": POLYGON},
    ),
    "no georeferencing": ({"crs": None, "transform": rasterio.Affine.identity()}, {}),
}


def in_the_api(options):
    """Return options of the upscaler as parameters of a request."""
    names = {"value_range": "range"}
    return {
        names.get(name, name): ",".join(map(str, value)) if isinstance(value, list) else value
        for name, value in options.items()
    }


def modified(content, folder):
    """Return the time in the tag that names the source of a result."""
    path = folder / "received.tif"
    path.write_bytes(content)
    with rasterio.open(path) as result:
        return int(result.tags()["SEN2NAIP_SR_SOURCE"].split()[2])


@pytest.mark.parametrize(("profile", "options"), CASES.values(), ids=CASES)
def test_the_answer_has_the_bytes_of_the_command_s_result(
    client, make_geotiff, tmp_path, profile, options
):
    content = make_geotiff(tmp_path / "given.tif", **{"size": (20, 33), **profile}).read_bytes()
    parameters = in_the_api(options)
    answer = client.post("/v1/upscale", params=parameters, content=content, headers=TIFF)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/tiff"
    job = by_command(content, modified(answer.content, tmp_path), tmp_path, **options)
    assert job.target.read_bytes() == answer.content


def test_the_command_itself_writes_these_bytes(client, scene, spool, tmp_path):
    before = files_below(spool)
    answer = client.post("/v1/upscale", content=scene.read_bytes(), headers=TIFF)
    same = by_command(scene.read_bytes(), modified(answer.content, tmp_path), tmp_path)
    same.target.unlink()
    result = CliRunner().invoke(main, ["upscale", str(same.source), "--model", "lean"])
    assert result.exit_code == 0, result.output
    assert same.target.read_bytes() == answer.content
    assert files_below(spool) == before


@pytest.mark.parametrize("driver", ["JP2OpenJPEG", "PNG"])
def test_other_formats_are_taken(client, tmp_path, driver):
    path = tmp_path / "scene"
    pixels = np.random.default_rng(0).integers(0, 255, (4, 32, 40), dtype="uint8")
    profile = {"count": 4, "height": 32, "width": 40, "dtype": "uint8"}
    with rasterio.open(path, "w", driver=driver, **profile) as target:
        target.write(pixels)
    answer = client.post("/v1/upscale", content=path.read_bytes(), params={"bands": "1,2,3,4"})
    assert answer.status_code == 200, answer.text


def test_a_part_of_an_answer_cannot_be_asked_for(client, scene):
    headers = TIFF | {"Range": "bytes=0-9"}
    answer = client.post("/v1/upscale", content=scene.read_bytes(), headers=headers)
    assert answer.status_code == 200
    assert len(answer.content) > 10


def test_polygons_are_no_files_of_the_server(client, scene):
    parameters = {"aoi": "/etc/passwd"}
    answer = client.post("/v1/upscale", params=parameters, content=scene.read_bytes(), headers=TIFF)
    assert answer.status_code in (400, 422)
    assert "GeoJSON" in answer.text
