"""The plugin's client of a server: against the real application, and against slow stand-ins."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import rasterio
from sen2naip_sr_qgis.core.problems import Cancelled, Problem
from sen2naip_sr_qgis.core.server import Server

TOKEN = "a token of twenty letters"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of the real application, with a token, in a thread."""
    uvicorn = pytest.importorskip("uvicorn", reason="serving is not installed")
    pytest.importorskip("fastapi", reason="serving is not installed")
    from sen2naip_sr.serving.app import create_app
    from sen2naip_sr.serving.settings import ServeSettings

    spool = tmp_path_factory.mktemp("spool")
    settings = ServeSettings(spool=spool, model="lean", page=False, token=TOKEN)
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), port=0, log_level="error", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started and time.monotonic() < until:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def scene(tmp_path_factory, make_geotiff):
    return make_geotiff(tmp_path_factory.mktemp("scene") / "scene.tif", size=32)


def ask(server, path, made, query=None, cancelled=lambda: False):
    events, lines = [], []
    server.upscale(
        path,
        {"model": "lean", **(query or {})},
        made,
        told=events.append,
        said=lines.append,
        cancelled=cancelled,
    )
    return events, lines


def test_a_server_gives_the_pixels_of_the_command_and_its_intervals(address, scene, tmp_path):
    import sen2naip_sr as sr

    made = {"result": tmp_path / "out.tif", "interval": tmp_path / "interval.tif"}
    events, lines = ask(Server(address, TOKEN), scene, made, {"uncertainty": "true"})
    own = tmp_path / "own.tif"
    sr.load_model("lean").upscale(str(scene), str(own))
    with rasterio.open(made["result"]) as given, rasterio.open(own) as expected:
        assert np.array_equal(given.read(), expected.read())
    with rasterio.open(made["interval"]) as interval:
        assert interval.dtypes[0] == "float32"
    assert all(event["total"] == 1000 for event in events)
    assert "Sending scene.tif" in lines[0]


def test_a_server_says_what_it_has(address):
    told = Server(f"{address}/", TOKEN).models()
    assert {"lean", "default"} <= {model["name"] for model in told["models"]}


def test_what_a_server_refuses_is_problem_and_remedy(address, scene, tmp_path):
    made = {"result": tmp_path / "out.tif"}
    with pytest.raises(Problem, match=r"wants a token \(401\)"):
        ask(Server(address), scene, made)
    with pytest.raises(Problem, match="9") as caught:
        ask(Server(address, TOKEN), scene, made, {"bands": "1,2,3,9"})
    assert "parameter" in caught.value.remedy
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0 and nothing")
    with pytest.raises(Problem):
        ask(Server(address, TOKEN), broken, made)
    assert not made["result"].exists()


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://a", "http://", "http://a:port", "http://a:99999999"]
)
def test_what_is_no_address_is_said(url):
    with pytest.raises(Problem, match="is no address of a server"):
        Server(url)


def test_a_token_is_not_sent_in_the_clear():
    with pytest.raises(Problem, match="in the clear"):
        Server("http://example.org", TOKEN)
    Server("https://example.org", TOKEN)
    Server("http://localhost:1", TOKEN)


class Slow(BaseHTTPRequestHandler):
    """A server that is busy at first, then never finishes a job."""

    def do_POST(self):
        self.server.asked.append("POST")
        self.rfile.read(int(self.headers["Content-Length"]))
        if len(self.server.asked) == 1:
            self.answer(429, {"detail": "busy"}, {"Retry-After": "1"})
        else:
            self.answer(202, {"id": "7"})

    def do_GET(self):
        self.server.asked.append("GET")
        time.sleep(self.server.silence)
        self.answer(200, {"state": "running", "progress": 0.25})

    def do_DELETE(self):
        self.server.asked.append("DELETE")
        self.answer(200, {})

    def answer(self, status, told, headers=None):
        content = json.dumps(told).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def slow():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads, server.asked, server.silence = True, [], 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.mark.parametrize("silence", [0, 30])
def test_cancelling_cancels_the_job_within_two_seconds(slow, scene, tmp_path, silence):
    """Also while the server does not answer."""
    slow.silence = silence
    moment = []

    def cancelled():
        if "GET" in slow.asked and not moment:
            moment.append(time.monotonic())
        return bool(moment)

    server = Server(f"http://127.0.0.1:{slow.server_port}")
    with pytest.raises(Cancelled):
        ask(server, scene, {"result": tmp_path / "out.tif"}, cancelled=cancelled)
    assert time.monotonic() - moment[0] < 2
    assert slow.asked[:2] == ["POST", "POST"]  # it was busy, and was asked again
    assert slow.asked[-1] == "DELETE"
    assert list(tmp_path.iterdir()) == []
