"""Gradio's own routes open nothing but uploads, and nothing of unbounded size."""

import asyncio
import json
import os
import socket
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from served import ask, files_below, refusal, running

pytest.importorskip("gradio")

from sen2naip_sr.serving.page.gate.form import OneFile
from sen2naip_sr.serving.page.gate.gate import Gate
from sen2naip_sr.serving.page.gate.names import Names
from sen2naip_sr.serving.page.gate.receiving import Receiver
from sen2naip_sr.serving.page.shelf import Shelf
from sen2naip_sr.serving.places import Places
from sen2naip_sr.serving.settings import ServeSettings

JOIN = "/page/gradio_api/queue/join"
UPLOAD = "/page/gradio_api/upload"
FORM = (b"content-type", b"multipart/form-data; boundary=x")
PART = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.tif"\r\n\r\n'


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
    for name in ("b/link.tif", "b", "b/none.tif", "../../jobs.sqlite", "b/\0"):
        refused(file_data(f"/uploads/{name}"))


def test_files_are_named_as_they_are_outside_only(refused, client, spool, scene):
    (name,) = client.post(UPLOAD, files={"files": ("a.tif", scene.read_bytes())}).json()
    (path,) = (spool / "page").glob("uploads/*/a.tif")
    assert name == f"/uploads/{path.parent.name}/a.tif"
    refused(file_data(str(path)))


@pytest.mark.parametrize("event", ["upload", "static/", "assets/", "predict"])
@pytest.mark.parametrize("route", ["run", "api", "call", "call/v2"])
def test_events_are_sent_in_the_page_s_way_only(client, route, event):
    body = {"data": [file_data("http://example.org/a.tif")], "fn_index": 0, "session_hash": "a"}
    answer = client.post(f"/page/gradio_api/{route}/{event}", json=body)
    refusal(answer, 404, "not-found")


@pytest.mark.parametrize(
    "path",
    [
        "info", "openapi.json", "deep_link?session_hash=a", "proxy=https://a.hf.space/", "file/etc",
        "vibe-code", "dev/reload", "queue/status", "call/a/b", "stream/a/0/0/playlist.m3u8",
        "custom_component/1/client/a/a.js", "file=http://198.51.100.1/a.tif", "file=a.tif",
        "file=/uploads/a/none.tif", "file=/uploads/", "uploads", "../monitoring", "../logout",
    ],
)  # fmt: skip
def test_what_the_page_does_not_ask_for_is_not_there(client, path, monkeypatch):
    def ask(*_, **__):
        raise AssertionError("the server looks for somebody")

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    refusal(client.get(f"/page/gradio_api/{path}"), 404, "not-found")


def test_an_upload_may_be_named(client, scene):
    answer = client.post(UPLOAD, files={"files": ("a.tif", scene.read_bytes())})
    assert answer.status_code == 200
    (name,) = answer.json()
    body = {"data": [file_data(name)], "fn_index": 0, "session_hash": "a"}
    assert client.post(JOIN, json=body).status_code != 422
    found = client.get(f"/page/gradio_api/file={name}")
    assert found.content == scene.read_bytes()
    for path in ("../../jobs.sqlite", "%2e%2e/%2e%2e/jobs.sqlite"):
        assert client.get(f"/page/gradio_api/file=/uploads/{path}").status_code == 404


@pytest.mark.parametrize("name", ["../../evil.tif", "/etc/evil.tif", "a/../../evil.tif"])
def test_uploads_stay_in_their_folder(client, spool, name):
    answer = client.post(UPLOAD, files={"files": (name, b"content")})
    (inside,) = answer.json()
    assert inside.startswith("/uploads/")
    path = os.path.realpath(f"{spool.resolve()}/page{inside}")
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


def test_an_upload_of_somebody_who_leaves_leaves_nothing(client, spool):
    before = files_below(spool)
    body = [
        {"type": "http.request", "body": PART + bytes(500), "more_body": True},
        {"type": "http.disconnect"},
    ]
    status, sent, _ = ask(client.app, UPLOAD, body, headers=[(b"content-length", b"9000"), FORM])
    assert (status, sent) == (None, [])
    assert files_below(spool) == before


@pytest.mark.parametrize(
    "body",
    [
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 9000 + b"\r\n--x--\r\n",
        PART + b"a\r\n" + PART + b"a\r\n--x--\r\n",
        PART + b"a",
        PART[:-2] + b"X: " + b"a" * 10_000 + b"\r\n\r\na\r\n--x--\r\n",
        b"--x--\r\n",
        b"",
        b"no form",
    ],
    ids=["a field", "two files", "no end", "long headers", "no part", "nothing", "no form"],
)
def test_only_a_form_with_one_file_is_an_upload(client, spool, body):
    before = files_below(spool)
    headers = {"Content-Type": FORM[1].decode()}
    refusal(client.post(UPLOAD, content=body, headers=headers), 400, "request-invalid")
    assert files_below(spool) == before


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("content", [b"", b"abc\r\n--y\r\n--", b"\r\n" * 700])
def test_a_file_arrives_as_it_is(content, size):
    body = PART + content + b"\r\n--x--\r\n"

    async def stream():
        for start in range(0, len(body), size):
            yield body[start : start + size]

    async def read():
        form = OneFile(FORM[1].decode())
        return b"".join([part async for part in form.content(stream())]), form.name

    assert asyncio.run(read()) == (content, "a.tif")


def test_the_progress_of_an_upload_is_told_until_its_end(tmp_path):
    async def talk():
        receiver = Receiver(Shelf(tmp_path, "", 60), Places(4), ServeSettings(spool=tmp_path))
        told = receiver._told("one")
        with receiver._watched("one", SimpleNamespace(name="ä.tif")) as arriving:
            arriving.received = 10
            first = await anext(told)
            arriving.received = 25
            second = await anext(told)
        events = [first, second, *[event async for event in told]]
        return [json.loads(event.removeprefix("data: ")) for event in events]

    assert asyncio.run(talk()) == [
        {"msg": "update", "orig_name": "ä.tif", "chunk_size": 10},
        {"msg": "update", "orig_name": "ä.tif", "chunk_size": 15},
        {"msg": "done"},
    ]


def test_one_client_sends_half_of_the_scenes_at_most(client, scene):
    places = client.app.state.service.requests
    with ExitStack() as slow:
        for _ in range(places._limit // 2):
            slow.enter_context(places.receiving("testclient"))
        answer = client.post(UPLOAD, files={"files": ("a.tif", scene.read_bytes())})
    refusal(answer, 429, "busy")
    assert int(answer.headers["retry-after"]) >= 1


def test_other_bodies_are_bounded(client):
    answer = client.post(JOIN, content=b"[" * 200_000)
    assert answer.status_code == 413
    for body in (b"[" * 90_000, b"\xff", b"path=/etc/passwd"):
        assert client.post(JOIN, content=body).json()["code"] == "request-invalid"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("queue/join", b""),
        ("queue/join", b"7"),
        ("queue/join", b'{"data": 3}'),
        ("queue/join", b'{"data": [], "fn_index": 99, "session_hash": "a"}'),
        ("queue/join", b'{"data": [], "fn_index": "x", "session_hash": []}'),
        ("run/upload", b'{"data": []}'),
        ("api/0", b"[]"),
        ("reset", b'{"event_id": {}}'),
        ("component_server", b'{"session_hash": 1}'),
        ("cancel", b"[1]"),
        ("stream/a", b"{}"),
        ("upload", b"no form"),
        ("none/such", b"{}"),
    ],
)
def test_what_the_page_does_not_send_is_a_fault_of_the_request(client, spool, path, body):
    answer = client.post(f"/page/gradio_api/{path}", content=body)
    assert answer.status_code != 500
    assert str(spool) not in answer.text
    if answer.status_code >= 400:
        refusal(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("path", [JOIN, UPLOAD])
def test_bodies_that_do_not_end_are_ended(tmp_path, path, monkeypatch):
    async def reading(scope, receive, send):
        while (await receive()).get("more_body"):
            pass

    monkeypatch.setattr("sen2naip_sr.serving.page.gate.gate.SMALL_SECONDS", 0.05)
    settings = ServeSettings(spool=tmp_path, max_upload_seconds=0.05)
    gate = Gate(reading, Shelf(tmp_path / "page", "", 60), Places(4), settings)
    slow = [{"type": "http.request", "body": b"--x\r\n", "more_body": True}]
    headers = [(b"content-length", b"100"), FORM]
    status, sent, _ = ask(gate, path.removeprefix("/page"), slow, headers=headers)
    assert status == 408
    assert b"upload-too-slow" in sent[1]["body"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_no_text_names_the_folder_of_uploads_in_any_way(size):
    folder = Path('/srv/scènes "a"/page/uploads')
    ways = (str(folder), json.dumps(str(folder)), quote(str(folder)))
    text = "".join(f"/s/srv/{way}/b/c.tif, /" for way in ways).encode()
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    sent = []

    async def send(message):
        sent.append(message.get("body", b""))

    async def answering():
        sending = Names(folder).outside(send)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"7")]
        await sending({"type": "http.response.start", "status": 200, "headers": headers})
        for number, part in enumerate(parts, 1):
            more = number < len(parts)
            await sending({"type": "http.response.body", "body": part, "more_body": more})

    asyncio.run(answering())
    plain = "/s/srv//uploads/b/c.tif, /"
    assert b"".join(sent).decode() == plain + plain.replace("//uploads", '/"/uploads"') + plain


def test_no_file_of_the_server_is_given(client, spool):
    for path in ("/etc/passwd", spool / "jobs.sqlite", "pyproject.toml", "http://127.0.0.1:1/"):
        assert client.get(f"/page/gradio_api/file={path}").status_code in (403, 404)
    assert client.get("/page/files/ticket/name").status_code == 410
