"""A gate before Gradio's own routes: bounded bodies, and no paths but those of uploads.

Gradio opens the path or address of a file in a request: it checks paths in applications that it
has launched itself only, and fetches addresses in all. Its answers name paths. What it cannot
read, it takes for a fault of its own.
"""

import json
import logging
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sen2naip_sr.errors import UserError, find_user_error
from sen2naip_sr.serving.guard.bodies import SMALL_SECONDS, within
from sen2naip_sr.serving.guard.uploads import check_headers, check_room, too_large
from sen2naip_sr.serving.page.names import Names, given_again, is_static, uncompressed
from sen2naip_sr.serving.problems import answer
from sen2naip_sr.serving.settings import ServeSettings

logger = logging.getLogger(__name__)

_FORM = 100_000
"""Bytes of an upload besides the file, and of any other request."""
_READING = ("GET", "HEAD", "OPTIONS")
_UPLOAD = "/gradio_api/upload"
"""Not any path that ends so: the last part of others is the name of an event, as one likes."""
_REFUSED = {
    404: UserError("not-found", "there is nothing at this path", "reload the page"),
    405: UserError(
        "method-not-allowed", "the path takes no requests of this method", "reload the page"
    ),
}
_UNREADABLE = UserError(
    "request-invalid", "the request is none that the page makes", "reload the page"
)
"""Everything else that Gradio refuses or fails at: what an event raises is no failed request."""


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
        self._names = Names(uploads)
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http" or is_static(scope["path"]):
            await self._app(scope, receive, send)
            return
        scope = uncompressed(scope)
        if scope["method"] in _READING:
            asked = self._names.asked_inside(scope)
            await self._app(asked, receive, self._names.outside(send))
            return
        try:
            if scope["path"].endswith(_UPLOAD):
                self._check_upload(Headers(scope=scope))
                receive = within(receive, self._settings.max_upload_seconds)
            else:
                receive = await self._checked(within(receive, SMALL_SECONDS))
            await self._answered(scope, receive, self._names.outside(send))
        except UserError as error:
            await answer(error, self._settings.spool)(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Gradio answer a request with a body.

        Raises:
            UserError: If it refuses the request, or fails at it; nothing has been sent.
        """
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            if status < 400:
                await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            raise
        except Exception as error:
            if 0 < status < 400:
                raise
            if found := find_user_error(error):
                raise found from error
            logger.info("Gradio failed at a request", exc_info=error)
            raise copy(_UNREADABLE) from error
        if status == 413:
            raise too_large(self._settings.max_bytes)
        if status >= 400:
            raise copy(_REFUSED.get(status, _UNREADABLE))

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
        """Read a body, put paths in the place of names, and return what gives it again."""
        body = await _read(receive)
        if body.strip():
            body = _written(self._with_paths(_parsed(body)))
        return given_again(body, receive)

    def _with_paths(self, found: Any) -> Any:
        for files in _files(found):
            path = self._names.inside(files["path"])
            if path is None or not is_inside(path, self._uploads):
                raise UserError(
                    "options-invalid", "a file in the request is no upload", "upload it first"
                )
            files["path"] = str(path)
        return found


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
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > _FORM:
            raise too_large(_FORM)
    return bytes(body)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _no_json() from error


def _written(value: Any) -> bytes:
    try:
        return json.dumps(value).encode()
    except RecursionError as error:
        raise _no_json() from error


def _no_json() -> UserError:
    return UserError("request-invalid", "the body of the request is no JSON", "send JSON")


def _files(value: Any) -> Iterator[dict[str, Any]]:
    """Yield what Gradio may take for files: they have a path."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if "path" in found:
                yield found
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
