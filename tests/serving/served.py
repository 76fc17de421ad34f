"""What tests of serving share. Importing it skips a test file where the extra is missing."""

import asyncio
import importlib.util
import os
import time
from contextlib import contextmanager

import pytest

from sen2naip_sr.serving.start import NEEDED
from sen2naip_sr.upscaling.files import upscale_file
from sen2naip_sr.upscaling.parameters import make_options
from sen2naip_sr.upscaling.scenes import Job
from sen2naip_sr.upscaling.upscaler import Upscaler

MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if MISSING:
    pytest.skip(f"serving needs {', '.join(MISSING)}", allow_module_level=True)
ADDRESS = "http://127.0.0.1"
TIFF = {"Content-Type": "image/tiff"}
PROBLEM = "application/problem+json"
TOKEN = "a token of twenty letters"


@contextmanager
def running(spool, **settings):
    """Talk to a server of its own, in this process, without the page: Gradio takes seconds."""
    from fastapi.testclient import TestClient

    from sen2naip_sr.serving.app import create_app
    from sen2naip_sr.serving.settings import ServeSettings

    settings = ServeSettings(**{"spool": spool, "model": "lean", "page": False, **settings})
    with TestClient(
        create_app(settings), base_url=ADDRESS, raise_server_exceptions=False
    ) as talking:
        yield talking


def refusal(answer, status, code):
    """Check that an answer is a problem document, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["detail"]
    assert problem["remedy"]
    return problem


def by_command(content, modified, folder, **options):
    """Return the file that the command line writes for a scene of these bytes and this time."""
    scene = folder / "scene.tif"
    scene.write_bytes(content)
    os.utime(scene, ns=(modified, modified))
    job = Job(scene, folder / "scene_x2.tif")
    upscale_file(Upscaler(make_options(**{"model": "lean"} | options)), job)
    return job


def until_closed(client, job, seconds=30):
    """Wait until a job is not open any more, and return what the server tells of it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = client.get(job["links"]["self"]).json()
        if found["state"] not in ("queued", "running"):
            return found
        time.sleep(0.02)
    raise AssertionError(f"still {found['state']}")


def files_below(folder):
    """Return what lies in a spool folder, but for the database and empty folders of its own."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if not path.name.startswith("jobs.sqlite") and path.name not in ("jobs", "requests")
    )


def ask(app, path, body, *, query="", headers=(), method="POST"):
    """Ask an application without a server between: ``body`` yields what it receives.

    Returns:
        Status, problem code (None if it is no problem) and the number of messages received.
    """
    sent, received = [], 0
    messages = iter(body)

    async def receive():
        nonlocal received
        received += 1
        message = next(messages, None)
        if message is None:
            await asyncio.sleep(60)
        return message

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *headers],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 9999),
    }
    asyncio.run(app(scope, receive, send))
    return (sent[0]["status"] if sent else None), sent, received
