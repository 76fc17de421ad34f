"""Scenes that are upscaled while the client waits."""

import os

import rasterio
from click.testing import CliRunner
from served import TIFF

from sen2naip_sr.command import main


def test_the_answer_has_the_very_bytes_that_the_command_writes(client, scene, tmp_path):
    answer = client.post("/v1/upscale", content=scene.read_bytes(), headers=TIFF)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/tiff"
    received = tmp_path / "received.tif"
    received.write_bytes(answer.content)
    with rasterio.open(received) as result:
        name, size, modified = result.tags()["SEN2NAIP_SR_SOURCE"].split()
    # the tag of the source tells when that was written: let it be the same here
    same = tmp_path / name
    same.write_bytes(scene.read_bytes())
    os.utime(same, ns=(int(modified), int(modified)))
    assert CliRunner().invoke(main, ["upscale", str(same), "--model", "lean"]).exit_code == 0
    assert int(size) == same.stat().st_size
    assert (tmp_path / "scene_x2.tif").read_bytes() == answer.content
