"""What cannot be upscaled is refused with a code, and leaves nothing."""

import errno
import gc
import re
import time
from contextlib import ExitStack
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from served import TIFF, ask, files_below, refusal, running

from sen2naip_sr.raster.access.opening import MOST_BANDS
from sen2naip_sr.serving.guard import uploads
from sen2naip_sr.serving.places import Busy, Places

VRT = (
    b'<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="Byte" band="1">'
    b"<SimpleSource><SourceFilename>/etc/passwd</SourceFilename></SimpleSource></VRTRasterBand>"
    b"</VRTDataset>"
)
ROUTES = ("/v1/upscale", "/v1/jobs")


@pytest.fixture(autouse=True)
def nothing_left(spool):
    before = files_below(spool)
    yield
    assert files_below(spool) == before


def post(client, content, route="/v1/upscale", **parameters):
    return client.post(route, content=content, headers=TIFF, params=parameters)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"no raster", 415, "format-refused"),
        (VRT, 415, "format-refused"),
        (b"SQLite format 3\0" + bytes(100), 415, "format-refused"),
        (b"", 422, "file-empty"),
        (b"II*\0" + bytes(100), 422, "not-a-raster"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), 422, "not-a-raster"),
        (b"http://127.0.0.1:9/a.tif", 415, "format-refused"),
    ],
    ids=["text", "VRT", "GeoPackage", "empty", "TIFF", "PNG", "address"],
)
def test_what_is_no_raster_of_a_known_format_is_refused(client, route, content, status, code):
    refusal(post(client, content, route), status, code)


@pytest.mark.parametrize("driver", ["ENVI", "HFA", "AAIGrid", "netCDF", "BMP", "GIF"])
def test_drivers_that_are_not_listed_are_refused(client, tmp_path, driver):
    with rasterio.Env() as environment:
        if driver not in environment.drivers():
            pytest.skip("GDAL has no such driver")
    path = tmp_path / "scene.tif"
    with rasterio.MemoryFile() as memory:
        with memory.open(driver="GTiff", count=1, height=8, width=8, dtype="uint8") as source:
            source.write(np.ones((1, 8, 8), "uint8"))
        try:
            rasterio.shutil.copy(memory.name, path, driver=driver)
        except rasterio.errors.RasterioError:
            pytest.skip("GDAL does not write it")
    refusal(post(client, path.read_bytes()), 415, "format-refused")


@pytest.mark.parametrize(
    ("profile", "refused"),
    [
        ({"bands": 3}, (422, "bands-differ")),
        ({"array": np.ones((4, 8, 8), "complex64")}, (422, "complex-values")),
        ({"bands": 9, "size": 8}, (413, "scene-too-large")),
        ({"bands": MOST_BANDS + 1, "size": 4}, (413, "raster-too-large")),
        ({"size": 128}, (413, "needs-a-job")),
    ],
    ids=["3 bands", "complex", "9 bands", "too many bands", "too large at once"],
)
def test_scenes_that_do_not_fit_are_refused(client, make_geotiff, tmp_path, profile, refused):
    path = make_geotiff(tmp_path / "scene.tif", **profile)
    refusal(post(client, path.read_bytes()), *refused)


def test_complex_integers_are_refused(client, tmp_path):
    path, profile = tmp_path / "scene.tif", {"count": 4, "height": 8, "width": 8}
    with rasterio.open(path, "w", driver="GTiff", dtype="complex_int16", **profile):
        pass
    refusal(post(client, path.read_bytes()), 422, "complex-values")


def test_a_scene_that_is_cut_short_is_refused(client, scene):
    refusal(post(client, scene.read_bytes()[:-2000]), 422, "file-damaged")


def test_pixels_and_blocks_are_bounded_before_any_is_decoded(tmp_path):
    with running(tmp_path, max_pixels=1000, max_block_bytes=2000) as client:
        for tiled, code in ((False, "1,024 pixels"), (True, "blocks of")):
            path = tmp_path / "given.tif"
            side, block = (32, {}) if not tiled else (16, {"blockxsize": 64, "blockysize": 64})
            with rasterio.open(
                path, "w", driver="GTiff", count=4, height=side, width=side, dtype="uint8",
                tiled=tiled, interleave="pixel", **block,
            ) as target:  # fmt: skip
                target.write(np.ones((4, side, side), "uint8"))
            problem = refusal(post(client, path.read_bytes()), 413, "scene-too-large")
            assert code in problem["detail"]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"model": "leen"}, "did you mean 'lean'"),
        ({"modell": "lean"}, "did you mean 'model'"),
        ({"noise": "loud"}, "noise: Input should be 'auto' or a valid number"),
        ({"range": "5:1"}, "range: value range '5:1': neither"),
        ({"range": "5:1", "bands": "1,1"}, "; range: value range '5:1'"),
        ({"bands": "1,1,2,3"}, "names a band twice"),
        ({"weights": "/etc/passwd"}, "unknown parameter 'weights'"),
        ({"drivers": "VRT"}, "unknown parameter 'drivers'"),
        ({"consistency": "perhaps"}, "consistency"),
    ],
)
def test_unknown_and_invalid_parameters_are_named_with_valid_ones(client, route, parameters, said):
    # before the body: there is none
    problem = refusal(client.post(route, params=parameters), 422, "options-invalid")
    assert said in problem["detail"]
    assert "value_range" not in problem["detail"]


def test_parameters_that_do_not_suit_the_model_or_scene_are_refused(client, scene):
    content = scene.read_bytes()
    refusal(post(client, content, noise=3), 422, "conditions-not-supported")
    refusal(post(client, content, bands="1,2,3,9"), 422, "unknown-band")
    refusal(post(client, content, bands="B04,B03,B02,B08"), 422, "unknown-band")


@pytest.mark.parametrize("route", ROUTES)
def test_a_body_that_is_too_large_is_refused_before_it_is_read(client, route):
    headers = [(b"content-length", b"1000001")]
    status, _, received = ask(client.app, route, [], headers=headers)
    assert (status, received) == (413, 0)


@pytest.mark.parametrize("length", ["1e3", "-1", "9" * 5000, "²"])
def test_lengths_that_are_none_are_refused(client, length):
    headers = [(b"content-length", length.encode("latin-1"))]
    assert ask(client.app, "/v1/upscale", [], headers=headers)[0] == 413


def test_a_body_of_unknown_length_is_read_to_the_limit_only(client):
    chunk = {"type": "http.request", "body": bytes(100_000), "more_body": True}
    status, _, received = ask(client.app, "/v1/upscale", [chunk] * 100)
    assert (status, received) == (413, 11)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        TIFF | {"Content-Encoding": "gzip"},
    ],
)
def test_bodies_of_another_type_are_refused(client, scene, headers):
    answer = client.post("/v1/upscale", content=scene.read_bytes(), headers=headers)
    refusal(answer, 415, "content-refused")


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nothing", "/v1/jobs/", "/v1/jobs/a/b"])
def test_paths_of_the_api_that_lead_nowhere_are_refused(client, path):
    refusal(client.get(path, follow_redirects=False), 404, "not-found")


@pytest.mark.parametrize("route", ROUTES)
def test_a_client_that_leaves_while_it_sends_leaves_nothing(client, scene, route):
    body = [
        {"type": "http.request", "body": scene.read_bytes()[:500], "more_body": True},
        {"type": "http.disconnect"},
    ]
    status, sent, _ = ask(client.app, route, body)
    assert (status, sent) == (None, [])


def test_work_for_a_client_that_leaves_is_cancelled(client, make_geotiff, tmp_path, spool):
    # four tiles, of which only the first is predicted
    content = make_geotiff(tmp_path / "scene.tif", size=64).read_bytes()
    body = [{"type": "http.request", "body": content}, {"type": "http.disconnect"}]
    status, sent, _ = ask(client.app, "/v1/upscale", body)
    assert (status, sent) == (None, [])
    assert files_below(spool) == []
    assert client.get("/readyz").status_code == 200


def test_nothing_is_logged_of_a_client_that_leaves(client, scene, monkeypatch, caplog):
    began = Event()

    def upscale(*_, progress, **__):
        began.set()
        while True:
            progress(1, 2)
            time.sleep(0.01)

    def body():
        yield {"type": "http.request", "body": scene.read_bytes()}
        assert began.wait(20)
        yield {"type": "http.disconnect"}

    monkeypatch.setattr("sen2naip_sr.serving.engine.upscale_file", upscale)
    assert ask(client.app, "/v1/upscale", body())[0] is None
    # asyncio reports errors that nobody took note of when they are collected
    gc.collect()
    assert caplog.records == []


def test_a_slow_upload_is_ended(tmp_path, scene):
    with running(tmp_path, max_upload_seconds=0.1) as client:
        body = [{"type": "http.request", "body": b"II*\0", "more_body": True}]
        assert ask(client.app, "/v1/upscale", body)[0] == 408
        assert files_below(tmp_path) == []


def test_one_client_that_sends_slowly_leaves_places_to_others(scene):
    places = Places(4)
    with places.place(), places.receiving("a"), places.place(), places.receiving("a"):
        with places.place():
            with pytest.raises(Busy), places.receiving("a"):
                pass
            with places.receiving("b"):
                assert places.taken == 3
    with places.place(), places.receiving("a"):
        pass
    assert places.taken == 0
    assert not places._senders


@pytest.mark.parametrize("route", ROUTES)
def test_scenes_are_received_within_the_share_of_a_client(client, scene, route):
    service = client.app.state.service
    places = service.requests if route == "/v1/upscale" else service.jobs
    with ExitStack() as slow:
        for _ in range(places._limit // 2):
            slow.enter_context(places.receiving("testclient"))
        answer = post(client, scene.read_bytes(), route)
        refusal(answer, 429, "busy")
        assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("route", ROUTES)
def test_a_full_disk_is_told(client, scene, monkeypatch, route):
    async def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere/secret")

    monkeypatch.setattr(uploads, "_copy", full)
    refusal(post(client, scene.read_bytes(), route), 507, "disk-full")


@pytest.mark.parametrize("route", ROUTES)
def test_a_disk_without_room_for_the_upload_is_told_before_it_is_read(client, monkeypatch, route):
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    headers = [(b"content-length", b"1000")]
    status, _, received = ask(client.app, route, [], headers=headers)
    assert (status, received) == (507, 0)


def test_no_answer_names_a_path_of_the_server(client, make_geotiff, tmp_path, spool):
    bad = [b"II*\0" + bytes(100), b"\xff\xd8\xff" + bytes(50), b"x", b""]
    bad.append(make_geotiff(tmp_path / "scene.tif", bands=3).read_bytes())
    bad.append(make_geotiff(tmp_path / "scene.tif", size=32).read_bytes()[:-2000])
    for content in bad:
        text = post(client, content).text
        assert str(spool) not in text
        assert not re.search(r"(?<!v1)/(?!v1/)", text)
