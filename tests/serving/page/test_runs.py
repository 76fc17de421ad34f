"""The page's runs: their results are the command line's, and nothing stays of those that fail."""

import asyncio
import errno
import io
import json
import re

import numpy as np
import pytest
import rasterio
from PIL import Image
from served import by_command, files_below

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.engine import Cancelled
from sen2naip_sr.serving.places import Busy

PAGE_ONLY = {"SEN2NAIP_SR_SOURCE"}
CASES = {
    "uint8": ({"dtype": "uint8"}, {}, {}),
    "uint16, nodata": ({"dtype": "uint16"}, {"nodata": "7"}, {"nodata": 7.0}),
    "float32, consistency": ({"dtype": "float32"}, {"consistency": True}, {"consistency": True}),
    "int16, range": (
        {"dtype": "int16"},
        {"value_range": "Lowest and highest", "low": -100, "high": 4000},
        {"value_range": "-100:4000"},
    ),
    "bands, interval": (
        {"bands": 6, "size": 64},
        {"bands": "4,2,1,6", "uncertainty": True},
        {"bands": [4, 2, 1, 6], "uncertainty": True},
    ),
}


def read(path):
    with rasterio.open(path) as source:
        tags = {name: text for name, text in source.tags().items() if name not in PAGE_ONLY}
        return source.read(), source.profile, tags, source.dataset_mask()


def file_of(shelf, html, name):
    ticket = re.search(rf'"/page/files/([\w-]+)/{re.escape(name)}"', html)[1]
    return shelf.find(ticket, name)


@pytest.mark.parametrize("case", CASES)
def test_results_are_those_of_the_command_line(case, make_page, make_geotiff, tmp_path):
    profile, fields, options = CASES[case]
    scene = make_geotiff(tmp_path / "up" / "my scene (1).tif", **{"size": 24} | profile)
    page = make_page()
    shown = page.upscale(scene, **fields)
    (tmp_path / "command").mkdir()
    job = by_command(scene.read_bytes(), scene.stat().st_mtime_ns, tmp_path / "command", **options)
    expected = [(job.target, "my_scene_1_x2.tif")]
    if fields.get("uncertainty"):
        expected.append((job.interval, "my_scene_1_x2_interval.tif"))
    for path, name in expected:
        one, other = read(path), read(file_of(page.shelf, shown.downloads, name))
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1:3] == other[1:3]
        np.testing.assert_array_equal(one[3], other[3])


def test_pictures_are_those_of_scene_and_result(make_page, make_geotiff, tmp_path):
    pixels = np.zeros((4, 40, 30), "uint8")
    pixels[:, :20] = np.array([200, 100, 50, 150], "uint8")[:, None, None]
    scene = make_geotiff(tmp_path / "scene.tif", pixels)
    page = make_page()
    shown = page.upscale(scene, uncertainty=True)
    viewer = shown.viewer
    assert (viewer["width"], viewer["height"], viewer["whole"]) == (60, 80, True)
    assert [view["id"] for view in viewer["views"]] == ["true", "false", "interval"]
    for view in viewer["views"]:
        for side in ("left", "right"):
            ticket, name = view[side]["url"].removeprefix("/page/files/").split("/")
            picture = np.asarray(Image.open(page.shelf.find(ticket, name)))
            assert picture.shape == ((40, 30, 4) if view[side]["scene"] else (80, 60, 4))
            assert picture[..., 3].min() == 255
            if view["id"] == "true":
                assert picture[0, 0].tolist() == pytest.approx([255, 128, 64, 255], abs=3)
                assert picture[-1, 0, :3].max() <= 3


def test_tags_and_histogram_are_downloaded(make_page, scene):
    page = make_page()
    shown = page.upscale(scene)
    tags = json.loads(file_of(page.shelf, shown.downloads, "tags.json").read_text())
    assert tags["model"] == "lean"
    table = file_of(page.shelf, shown.downloads, "differences.csv").read_text().splitlines()
    assert table[0] == "difference,red,green,blue,near-infrared"
    assert sum(float(line.split(",")[1]) for line in table[1:]) == 64 * 64
    assert "<svg" in shown.chart


def test_another_part_of_a_large_scene_is_shown(make_page, make_geotiff, tmp_path, monkeypatch):
    monkeypatch.setattr("sen2naip_sr.serving.page.presentation.PART", 16)
    scene = make_geotiff(tmp_path / "scene.tif", size=40)
    page = make_page()
    assert page.runs.look_at("v", 0, 0) is None
    shown = page.upscale(scene)
    assert not shown.viewer["whole"]
    middle, corner = shown.viewer, page.runs.look_at("v", 1.0, 1.0)
    urls = [value["views"][0]["right"]["url"] for value in (middle, corner)]
    pictures = [
        Image.open(io.BytesIO(page.shelf.find(*url.split("/")[-2:]).read_bytes())) for url in urls
    ]
    assert [picture.size for picture in pictures] == [(32, 32)] * 2
    assert page.runs.look_at("another visitor", 0, 0) is None


BAD = {
    "no scene": (None, {}, "no-scene"),
    "three bands": ({"bands": 3}, {}, "bands-differ"),
    "too many pixels": ({"size": 200}, {}, "scene-too-large"),
    "unknown band": ({}, {"bands": "1,2,3,9"}, "unknown-band"),
    "all nodata": ({"array": np.zeros((4, 8, 8), "uint8"), "nodata": 0}, {}, None),
}


@pytest.mark.parametrize("case", BAD)
def test_nothing_stays_of_what_cannot_be_upscaled(case, make_page, make_geotiff, tmp_path):
    profile, fields, code = BAD[case]
    scene = None if profile is None else make_geotiff(tmp_path / "scene.tif", **profile)
    page = make_page(max_pixels=10_000)
    if code is None:
        assert page.upscale(scene, **fields).viewer
        return
    with pytest.raises(UserError) as raised:
        page.upscale(scene, **fields)
    assert raised.value.code == code
    assert [name for name in files_below(tmp_path / "spool") if "results/" in name] == []


@pytest.mark.parametrize("content", [b"", b"no raster", b"II*\0" + bytes(50)])
def test_what_is_no_raster_is_refused(make_page, tmp_path, content):
    path = tmp_path / "scene.tif"
    path.write_bytes(content)
    with pytest.raises(UserError):
        make_page().upscale(path)


def test_a_removed_upload_is_told(make_page, tmp_path):
    with pytest.raises(UserError) as raised:
        make_page().upscale(tmp_path / "gone.tif")
    assert raised.value.code == "upload-expired"


def test_the_next_run_of_a_visitor_replaces_the_files(make_page, scene):
    page = make_page()
    first, second = (page.upscale(scene) for _ in range(2))
    name = "scene_x2.tif"
    with pytest.raises(AttributeError):
        file_of(page.shelf, first.downloads, name).stat()
    assert file_of(page.shelf, second.downloads, name).stat().st_size


def test_too_many_visitors_are_turned_away(make_page, scene):
    page = make_page(max_waiting=1)

    async def two():
        first = page.begin(scene, visitor="one")
        await anext(first)
        with pytest.raises(Busy):
            await anext(page.begin(scene, visitor="two"))
        return [found async for found in first]

    assert asyncio.run(two())[-1].viewer


@pytest.mark.parametrize("how", ["stop", "leave"])
def test_a_run_that_is_stopped_ends_and_leaves_nothing(how, make_page, make_geotiff, tmp_path):
    scene = make_geotiff(tmp_path / "scene.tif", size=64)
    page = make_page()

    async def stopped():
        working = page.begin(scene)
        await anext(working)
        getattr(page.runs, how)("v")
        with pytest.raises(Cancelled):
            async for _ in working:
                pass

    asyncio.run(stopped())
    assert list(page.shelf._drawers.iterdir()) == []


def test_files_of_a_visitor_who_is_gone_expire_soon(make_page, scene):
    page = make_page()
    page.upscale(scene)
    page.runs.leave("v")
    page.runs.leave("a stranger")
    assert page.runs.look_at("v", 0, 0) is None
    page.shelf.expiry = 0
    page.shelf.sweep()
    assert list(page.shelf.uploads.iterdir()) == list(page.shelf._drawers.iterdir()) == []


def test_runs_are_forgotten_with_their_files(make_page, scene):
    page = make_page()
    page.upscale(scene)
    page.shelf.clear()
    page.upscale(scene, visitor="another")
    assert list(page.runs._of) == ["another"]


def test_progress_tells_the_time_left():
    from sen2naip_sr.serving.progress import Progress

    progress = Progress()
    assert progress.seconds_left is None
    progress(1, 4)
    assert progress.seconds_left is None
    progress(2, 4)
    assert progress.seconds_left >= 0
    progress(4, 4)
    assert progress.seconds_left == 0


def test_a_file_system_without_links_will_do(make_page, make_geotiff, tmp_path, monkeypatch):
    def link(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr("os.link", link)
    scene = make_geotiff(tmp_path / "scene.tif", size=32)
    assert "64" in make_page().upscale(scene).heading
