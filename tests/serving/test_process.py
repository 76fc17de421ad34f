"""A server as a process of its own: it listens, phones nobody, is killed, and ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import httpx2
import psutil
import pytest
from click.testing import CliRunner
from served import TIFF, running, until_closed

from sen2naip_sr.command import main

WATCHED = """
import sys
log = open(sys.argv[1], "w", buffering=1)

def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        print(event, arguments[1], file=log)
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        print(event, *arguments, file=log)

sys.addaudithook(watch)
from sen2naip_sr.command import main
main(sys.argv[2:])
"""
"""The command, with a note of every connection and question for a name that Python makes."""


@contextmanager
def process(folder, *flags):
    """Start a server and read where it is; kill it at the end if it is still there."""
    command = [sys.executable, "-c", WATCHED, str(folder / "calls.txt"), "serve", "--port=0",
               f"--spool={folder / 'spool'}", "--model=lean", "--threads=1", *flags]  # fmt: skip
    known = {name: v for name, v in os.environ.items() if not name.startswith("SEN2NAIP_SR_")}
    started = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=known
    )
    try:
        lines = [started.stdout.readline() for _ in range(1 if flags else 2)]
        address = re.search(r"http://[\d.:]+", lines[0])
        assert address, started.stderr.read()
        yield SimpleNamespace(
            process=started,
            address=address[0],
            lines=lines,
            seconds=sum(psutil.Process(started.pid).cpu_times()[:2]),
            calls=folder / "calls.txt",
            spool=folder / "spool",
        )
    finally:
        started.kill()
        started.communicate()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with process(tmp_path_factory.mktemp("process")) as started:
        yield started


@pytest.fixture
def talk(server):
    with httpx2.Client(base_url=server.address, timeout=60) as client:
        yield client


def strangers(server):
    """Return the ends of the process's connections that are not on this machine's loopback."""
    found = psutil.Process(server.process.pid).net_connections()
    return [c.raddr for c in found if c.raddr and not c.raddr.ip.startswith("127.")]


# the tests of this file share one process and run in this order


def test_it_starts_soon_and_prints_both_addresses(server, talk):
    # of the processor: other tests may run beside it
    assert server.seconds < 10
    assert server.lines[0].startswith("API")
    assert server.lines[1] == f"Page  {server.address}/\n"
    assert talk.get("/readyz").status_code == 200


def test_it_connects_to_nobody(server, talk, scene):
    answer = talk.post("/v1/upscale", content=scene.read_bytes(), headers=TIFF)
    assert answer.status_code == 200
    for path in ("/", "/docs", "/v1/models", "/metrics"):
        assert talk.get(path, follow_redirects=True).status_code < 500
        assert strangers(server) == []
    asked = [line for line in server.calls.read_text().splitlines() if "127.0.0.1" not in line]
    assert asked == []


def test_a_large_body_gets_its_answer_though_it_is_not_read(server):
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as talking:
        head = (
            "POST /v1/upscale HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999999999999\r\n\r\n"
        )
        talking.sendall(head.encode() + bytes(10_000))
        assert talking.recv(12) == b"HTTP/1.1 413"


def test_headers_have_an_end(server):
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as talking:
        talking.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        with suppress(ConnectionError):
            for _ in range(200):
                talking.sendall(bytes(b"a" * 10_000))
                time.sleep(0.001)
            raise AssertionError("2 MB of headers were taken")


def test_a_port_that_is_taken_is_told_with_an_exit_code(server, tmp_path):
    port = server.address.rpartition(":")[2]
    result = CliRunner().invoke(main, ["serve", "--port", port, "--spool", str(tmp_path)])
    assert result.exit_code == 1
    assert f"127.0.0.1:{port}: cannot listen there" in result.output
    assert "Traceback" not in result.output


def test_a_spool_that_another_process_uses_is_refused(server):
    arguments = ["serve", "--port", "0", "--spool", str(server.spool)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert "another server uses this folder" in result.output


def test_a_device_that_is_not_there_is_told_with_an_exit_code(tmp_path):
    for device in ("tpu", "cuda:99"):
        result = CliRunner().invoke(
            main, ["serve", "--port=0", f"--spool={tmp_path / device}", f"--device={device}"]
        )
        assert result.exit_code == 1
        assert device in result.output
        assert "What to do" in result.output


def test_jobs_of_a_killed_process_are_done_by_the_next(server, talk, make_geotiff, tmp_path):
    content = make_geotiff(tmp_path / "scene.tif", size=300).read_bytes()
    jobs = [talk.post("/v1/jobs", content=content, headers=TIFF).json() for _ in range(3)]
    while talk.get(jobs[0]["links"]["self"]).json()["state"] != "done":
        time.sleep(0.02)
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(20)
    with running(server.spool) as client:
        for job in jobs:
            assert until_closed(client, job)["state"] == "done"
            result = client.get(f"{job['links']['self']}/result")
            assert result.status_code == 200
            assert result.content[:4] == b"II*\0"


def test_ctrl_c_ends_it_cleanly_with_a_job_in_progress(tmp_path, make_geotiff):
    content = make_geotiff(tmp_path / "scene.tif", size=300).read_bytes()
    with process(tmp_path) as started, httpx2.Client(base_url=started.address) as client:
        job = client.post("/v1/jobs", content=content, headers=TIFF).json()
        # what every open page keeps
        with client.stream("GET", "/page/gradio_api/heartbeat/a") as page:
            assert page.status_code == 200
            started.process.send_signal(signal.SIGINT)
            said = started.process.communicate(timeout=20)[1]
        assert (started.process.returncode, said) == (0, "")
    from sen2naip_sr.serving.jobs.store import Store

    with Store(started.spool) as store:
        # a job of one tile may come to its end
        assert store.get(job["id"]).state in ("queued", "done")
