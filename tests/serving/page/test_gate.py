"""Gradio's own routes open nothing but uploads, and nothing of unbounded size."""

import os
import socket

import pytest
from served import files_below, running

pytest.importorskip("gradio")

JOIN = "/page/gradio_api/queue/join"
UPLOAD = "/page/gradio_api/upload"


@pytest.fixture(scope="module")
def spool(tmp_path_factory):
    return tmp_path_factory.mktemp("spool")


@pytest.fixture(scope="module")
def client(spool):
    with running(spool, page=True, max_bytes=200_000) as talking:
        yield talking


@pytest.fixture
def refused(client):
    """Send a value as every input of every event, and check that it is refused."""
    events = client.get("/page/config").json()["dependencies"]

    def check(value):
        for event in events:
            data = [value] * max(1, len(event["inputs"]))
            body = {"data": data, "fn_index": event["id"], "session_hash": "a"}
            answer = client.post(JOIN, json=body)
            assert answer.status_code == 422
            assert answer.json()["code"] == "options-invalid"

    return check


def file_data(path, **more):
    return {"path": path, "meta": {"_type": "gradio.FileData"}, **more}


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "http://127.0.0.1:1/a.tif", "file:///etc/passwd", "a.tif", "", "..", None, 7,
        ["a"], "\0", "a" * 5000,
    ],
)  # fmt: skip
def test_no_path_or_address_of_a_request_is_opened(refused, path, monkeypatch):
    def connect(*_):
        raise AssertionError("the server calls somebody")

    monkeypatch.setattr(socket.socket, "connect", connect)
    refused(file_data(path))
    refused({"nested": [{"deep": file_data(path, is_stream=True)}]})


def test_paths_do_not_lead_out_of_the_uploads(refused, spool, make_geotiff, tmp_path):
    uploads = spool / "page" / "uploads" / "b"
    uploads.mkdir(parents=True)
    scene = make_geotiff(tmp_path / "scene.tif", size=8)
    (uploads / "link.tif").symlink_to(scene)
    for path in (scene, spool / "jobs.sqlite", uploads / "link.tif", uploads, uploads / "none.tif"):
        refused(file_data(str(path)))
    refused(file_data(f"{uploads}/../../../jobs.sqlite"))


@pytest.mark.parametrize("route", ["run", "api", "call", "call/v2"])
def test_no_event_is_taken_for_an_upload(client, route):
    body = {"data": [file_data("http://example.org/a.tif")], "fn_index": 0, "session_hash": "a"}
    answer = client.post(f"/page/gradio_api/{route}/upload", json=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "options-invalid"


def test_an_upload_may_be_named(client, scene):
    answer = client.post(UPLOAD, files={"files": ("a.tif", scene.read_bytes())})
    assert answer.status_code == 200
    body = {"data": [file_data(answer.json()[0])], "fn_index": 0, "session_hash": "a"}
    assert client.post(JOIN, json=body).status_code != 422


@pytest.mark.parametrize("name", ["../../evil.tif", "/etc/evil.tif", "a/../../evil.tif"])
def test_uploads_stay_in_their_folder(client, spool, name):
    answer = client.post(UPLOAD, files={"files": (name, b"content")})
    path = os.path.realpath(answer.json()[0])
    assert path.startswith(f"{spool.resolve()}/page/uploads/")


def test_uploads_are_bounded_together(client, spool):
    before = files_below(spool)
    several = [("files", (f"{number}.tif", bytes(90_000))) for number in range(4)]
    for files in (several, [("files", ("a.tif", bytes(400_000)))]):
        answer = client.post(UPLOAD, files=files)
        assert answer.status_code == 413
        assert answer.json()["code"] == "upload-too-large"
    answer = client.post(UPLOAD, content=iter([b"a" * 1000] * 1000))
    assert answer.json()["code"] == "request-invalid"
    assert files_below(spool) == before


def test_other_bodies_are_bounded(client):
    answer = client.post(JOIN, content=b"[" * 200_000)
    assert answer.status_code == 413
    for body in (b"[" * 90_000, b"\xff", b"path=/etc/passwd"):
        assert client.post(JOIN, content=body).json()["code"] == "request-invalid"


def test_no_file_of_the_server_is_given(client, spool):
    for path in ("/etc/passwd", spool / "jobs.sqlite", "pyproject.toml", "http://127.0.0.1:1/"):
        assert client.get(f"/page/gradio_api/file={path}").status_code in (403, 404)
    assert client.get("/page/files/ticket/name").status_code == 410


def test_events_are_for_the_page_only(client):
    assert client.get("/page/gradio_api/info").json() == {
        "named_endpoints": {},
        "unnamed_endpoints": {},
    }
