"""A gate before Gradio's own routes: bounded bodies, and no paths but those of uploads.

Gradio opens the path or address of a file in a request: it checks paths in applications that it
has launched itself only, and fetches addresses in all.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.problems import answer
from sen2naip_sr.serving.settings import ServeSettings
from sen2naip_sr.serving.uploads import check_headers, check_room, too_large

_FORM = 100_000
"""Bytes of an upload besides the file, and of any other request."""
_READING = ("GET", "HEAD", "OPTIONS")
_UPLOAD = "/gradio_api/upload"
"""Not any path that ends so: the last part of others is the name of an event, as one likes."""


class Gate:
    """Hands requests on to Gradio that may be answered.

    Args:
        app: Gradio's application.
        uploads: The folder of uploads.
        settings: The server's settings.
    """

    def __init__(self, app: ASGIApp, uploads: Path, settings: ServeSettings) -> None:
        self._app = app
        self._uploads = uploads
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http" or scope["method"] in _READING:
            await self._app(scope, receive, send)
            return
        try:
            if scope["path"].endswith(_UPLOAD):
                self._check_upload(Headers(scope=scope))
            else:
                receive = await self._checked(receive)
        except UserError as error:
            await answer(error, self._settings.spool)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check_upload(self, headers: Headers) -> None:
        length = headers.get("content-length")
        if length is None:
            raise UserError(
                "request-invalid", "the upload does not tell its length", "send Content-Length"
            )
        check_headers("", headers.get("content-encoding", ""), length, self._most)
        check_room(self._settings.spool, int(length))

    @property
    def _most(self) -> int:
        return self._settings.max_bytes + _FORM

    async def _checked(self, receive: Receive) -> Receive:
        """Read a body, check the paths in it, and return what gives it again."""
        body = await _read(receive)
        try:
            found = json.loads(body) if body.strip() else None
        except (ValueError, RecursionError) as error:
            raise UserError(
                "request-invalid", "the body of the request is no JSON", "send JSON"
            ) from error
        for path in _paths(found):
            if not self._is_upload(path):
                raise UserError(
                    "options-invalid", "a file in the request is no upload", "upload it first"
                )
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        return again

    def _is_upload(self, path: Any) -> bool:
        return isinstance(path, str) and is_inside(Path(path), self._uploads)


def is_inside(path: Path, folder: Path) -> bool:
    """Return whether a path leads to a regular file below a folder."""
    try:
        found, root = path.resolve(), folder.resolve()
        return root in found.parents and found.is_file()
    except (OSError, ValueError, RuntimeError):
        return False


async def _read(receive: Receive) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > _FORM:
            raise too_large(_FORM)
    return bytes(body)


def _paths(value: Any) -> Iterator[Any]:
    """Yield what Gradio may take for paths of files."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if "path" in found:
                yield found["path"]
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
