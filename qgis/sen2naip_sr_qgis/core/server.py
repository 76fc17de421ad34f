"""A server of ``sen2naip-sr serve``: a scene goes there as a job, the result comes back."""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable, TypeVar
from urllib.parse import urlencode, urlsplit

from sen2naip_sr_qgis.core.child import Asked, Said, Told
from sen2naip_sr_qgis.core.problems import Cancelled, Problem, told_problem

CHUNK = 2**20
POLL = 0.5
"""Seconds between two questions how far a job is."""
PATIENCE = 60
"""Seconds to wait for an answer."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Found = TypeVar("Found")


@dataclass
class Answer:
    """What a server answers, read or to be read."""

    status: int
    headers: Mapping[str, str]
    stream: http.client.HTTPResponse

    def json(self) -> Any:
        """Return the body as JSON; an empty object if it is none."""
        try:
            return json.loads(self.stream.read())
        except ValueError:
            return {}


class Server:
    """A server by its address.

    Args:
        url: Such as ``http://127.0.0.1:8000``, with the path under which a proxy serves it.
        token: What it wants to be sent; empty: nothing.

    Raises:
        Problem: If the address is none, or the token would be sent in the clear.
    """

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url.strip().rstrip("/"))
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise Problem(
                f"'{url}' is no address of a server.", "write it like http://127.0.0.1:8000"
            )
        if token and parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise Problem(
                f"The token would go to {parts.hostname} in the clear.", "use an https address"
            )
        secure = parts.scheme == "https"
        self._kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._place = (parts.hostname, port)
        self._base = parts.path.removesuffix("/v1")
        self._token = token
        self.url = url

    def models(self, cancelled: Asked = lambda: False) -> dict[str, Any]:
        """Return what the server says of its models and limits."""
        return self._json("GET", "/v1/models", cancelled)

    def upscale(  # noqa: PLR0913 - the last three are keywords
        self,
        path: Path,
        query: Mapping[str, str],
        made: Mapping[str, Path],
        *,
        told: Told,
        said: Said,
        cancelled: Asked,
    ) -> None:
        """Have a file upscaled.

        Args:
            path: The file.
            query: The options.
            made: Where parts of the result go: ``result``, and ``interval`` if it is wanted.
            told: Called with events of progress.
            said: Called with lines for the log.
            cancelled: Whether the user has cancelled.

        Raises:
            Cancelled: If the user has. The job is cancelled too.
            Problem: If the server refuses, fails or does not answer.
        """
        said(f"Sending {path.name} ({path.stat().st_size / 1e6:.1f} MB) to {self.url}")
        job = self._begin(path, query, said, cancelled)
        own = f"/v1/jobs/{job['id']}"
        try:
            self._wait(own, told, said, cancelled)
            for part, target in made.items():
                self._fetch(f"{own}/{part}", target, cancelled)
        finally:
            # a job that is done is removed as well: the server need not keep its result
            self._forget(own)

    def _begin(
        self, path: Path, query: Mapping[str, str], said: Said, cancelled: Asked
    ) -> dict[str, Any]:
        address = f"/v1/jobs?{urlencode(query)}"
        while True:
            answer, content = self._asked("POST", address, cancelled, body=path)
            if answer.status != http.client.TOO_MANY_REQUESTS:
                return self._good(answer, content)
            wait = int(answer.headers.get("Retry-After") or 5)
            said(f"The server has enough to do; trying again in {wait} s")
            _sleep(wait, cancelled)

    def _wait(self, own: str, told: Told, said: Said, cancelled: Asked) -> None:
        before, shown = None, 0
        while True:
            job = self._json("GET", own, cancelled)
            if job["state"] == "done":
                made = (job.get("result") or {}).get("made_with", {})
                said("; ".join(f"{name} {text}" for name, text in made.items()))
                return
            if job["state"] not in ("queued", "running"):
                gone = {"detail": f"The job on the server is {job['state']}."}
                raise told_problem(job.get("problem") or gone)
            if job["state"] == "queued" and job.get("waiting_before") != before:
                before = job.get("waiting_before")
                said(f"Waiting: {before} jobs come first")
            share = round(1000 * float(job.get("progress") or 0))
            if share != shown:
                shown = share
                text = f"{share / 10:.0f} % on the server"
                told({"event": "progress", "done": share, "total": 1000, "text": text})
            _sleep(POLL, cancelled)

    def _fetch(self, address: str, target: Path, cancelled: Asked) -> None:
        def save(answer: Answer) -> bytes:
            if answer.status != http.client.OK:
                return answer.stream.read()
            with target.open("wb") as file:
                while chunk := answer.stream.read(CHUNK):
                    file.write(chunk)
            return b""

        self._good(*self._asked("GET", address, cancelled, read=save))

    def _forget(self, own: str) -> None:
        """Cancel a job, or remove its result; a silent server forgets it by itself."""

        def delete() -> None:
            connection = self._kind(*self._place, timeout=1)
            try:
                connection.request("DELETE", self._base + own, headers=self._headers())
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()

        thread = threading.Thread(target=delete, daemon=True)
        thread.start()
        thread.join(1)

    def _json(self, method: str, address: str, cancelled: Asked) -> dict[str, Any]:
        return self._good(*self._asked(method, address, cancelled))

    def _good(self, answer: Answer, content: bytes) -> dict[str, Any]:
        """Return what an answer says, unless it is a problem."""
        try:
            told = json.loads(content) if content else {}
        except ValueError:
            told = {}
        if answer.status < http.client.BAD_REQUEST:
            return told if isinstance(told, dict) else {}
        if answer.status == http.client.UNAUTHORIZED:
            raise Problem(
                f"The server {self.url} wants a token (401), and got none or a wrong one.",
                "name the file with the token in Settings, Options, Processing, Providers, "
                "sen2naip_sr",
            )
        if not isinstance(told, dict) or "detail" not in told:
            told = {"detail": f"{self.url} answers with status {answer.status}."}
        raise told_problem(told)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _asked(
        self,
        method: str,
        address: str,
        cancelled: Asked,
        body: Path | None = None,
        read: Callable[[Answer], bytes] = lambda answer: answer.stream.read(),
    ) -> tuple[Answer, bytes]:
        """Send a request in a thread, and return its answer with what was read of it."""
        connection = self._kind(*self._place, timeout=PATIENCE)

        def exchange() -> tuple[Answer, bytes]:
            try:
                response = _send(connection, method, self._base + address, self._headers(), body)
                answer = Answer(response.status, response.headers, response)
                return answer, read(answer)
            except (OSError, http.client.HTTPException) as error:
                reason = getattr(error, "strerror", None) or error
                raise Problem(
                    f"The server {self.url} does not answer as it should: {reason}.",
                    "check its address, and whether it runs; empty the address to work here",
                ) from error

        try:
            return _patiently(exchange, cancelled)
        finally:
            connection.close()


def _send(
    connection: http.client.HTTPConnection,
    method: str,
    address: str,
    headers: Mapping[str, str],
    body: Path | None,
) -> http.client.HTTPResponse:
    connection.putrequest(method, address)
    for name, value in headers.items():
        connection.putheader(name, value)
    if body is None:
        connection.endheaders()
        return connection.getresponse()
    connection.putheader("Content-Length", str(body.stat().st_size))
    connection.putheader("Content-Type", "application/octet-stream")
    connection.endheaders()
    with body.open("rb") as file:
        try:
            _pour(file, connection)
        except OSError:
            # a server that refuses says so before it has received everything
            return connection.getresponse()
    return connection.getresponse()


def _pour(file: IO[bytes], connection: http.client.HTTPConnection) -> None:
    while chunk := file.read(CHUNK):
        connection.send(chunk)


def _patiently(work: Callable[[], Found], cancelled: Asked) -> Found:
    """Return what a function returns, or stop waiting for it when the user cancels."""
    outcome: queue.Queue[tuple[bool, Any]] = queue.Queue()

    def do() -> None:
        try:
            outcome.put((True, work()))
        except Exception as error:
            outcome.put((False, error))

    threading.Thread(target=do, daemon=True).start()
    while True:
        if cancelled():
            raise Cancelled
        try:
            good, found = outcome.get(timeout=0.05)
        except queue.Empty:
            continue
        if good:
            return found
        raise found


def _sleep(seconds: float, cancelled: Asked) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if cancelled():
            raise Cancelled
        time.sleep(min(left, 0.05))
