"""Connections whose clients are slow to say what they want."""

import asyncio
import socket
import threading
import time
from contextlib import closing, contextmanager

import pytest
from served import MISSING

assert not MISSING

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture
def talking(monkeypatch):
    """Talk to an application that answers before it has read the body, and wait 0.3 s for heads."""
    import uvicorn

    from sen2naip_sr.serving.guard import connections

    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(connections, "LEFT_SECONDS", 0.9)

    async def app(scope, receive, send):
        if scope["path"] == "/slow":
            await asyncio.sleep(0.8)
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        config = uvicorn.Config(
            app, http=connections.PromptConnection, lifespan="off", log_level="critical"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()

        @contextmanager
        def talk():
            with socket.create_connection(listening.getsockname(), timeout=5) as talking:
                yield talking

        while not server.started:
            time.sleep(0.01)
        try:
            yield talk
        finally:
            server.should_exit = True
            thread.join(10)


def seconds_until_closed(talking, dripped, most=3):
    """Send a byte now and then, and return when the other side closes."""
    began = time.monotonic()
    talking.settimeout(0.05)
    while time.monotonic() - began < most:
        try:
            talking.sendall(dripped)
            if talking.recv(1000) == b"":
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    return time.monotonic() - began


@pytest.mark.parametrize(("begun", "dripped"), [(b"", b""), (GET, b"X: a\r\n")])
def test_headers_that_do_not_end_are_ended(talking, begun, dripped):
    with talking() as client:
        client.sendall(begun)
        assert 0.2 < seconds_until_closed(client, dripped) < 2


def test_headers_after_an_answer_have_the_same_time(talking):
    with talking() as client:
        client.sendall(GET + b"\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        assert 0.2 < seconds_until_closed(client, b"G") < 2


def test_an_answer_may_take_longer_than_headers(talking):
    with talking() as client:
        client.sendall(GET.replace(b"/ ", b"/slow ", 1) + b"\r\n")
        time.sleep(0.5)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")


def test_what_is_left_of_a_body_has_longer_but_an_end(talking):
    with talking() as client:
        client.sendall(GET.replace(b"GET", b"POST") + b"Content-Length: 100000\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        assert 0.6 < seconds_until_closed(client, b"a") < 3
