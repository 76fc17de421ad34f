"""A gate before Gradio's own routes: those that the page needs, and bounded bodies.

Gradio opens the path of a file in a request and fetches its address; it checks paths only in
applications that it has launched itself. Its answers name paths. What it cannot read, it takes for
a fault of its own.
"""

import json
import logging
from collections.abc import Iterator
from copy import copy
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sen2naip_sr.errors import UserError, find_user_error
from sen2naip_sr.serving.guard.bodies import SMALL_SECONDS, within
from sen2naip_sr.serving.guard.paths import own_path
from sen2naip_sr.serving.guard.uploads import too_large
from sen2naip_sr.serving.page.gate import paths
from sen2naip_sr.serving.page.gate.names import FILE, Names, given_again, uncompressed
from sen2naip_sr.serving.page.gate.receiving import Receiver
from sen2naip_sr.serving.page.shelf import Shelf, is_inside
from sen2naip_sr.serving.places import Places
from sen2naip_sr.serving.problems import answer
from sen2naip_sr.serving.settings import ServeSettings

logger = logging.getLogger(__name__)

_LONGEST = 100_000
"""Bytes of a request that is no upload."""
_READING = ("GET", "HEAD")
_NOWHERE = UserError("not-found", "there is nothing at this path", "reload the page")
_UNREADABLE = UserError(
    "request-invalid", "the request is none that the page makes", "reload the page"
)
"""Whatever Gradio refuses or fails at: what an event raises is no failed request."""


class Gate:
    """Hands requests on to Gradio that the page makes.

    Args:
        app: Gradio's application.
        shelf: The page's files.
        places: Counts how many scenes each client sends at once.
        settings: The server's settings.
    """

    def __init__(self, app: ASGIApp, shelf: Shelf, places: Places, settings: ServeSettings) -> None:
        self._app = app
        self._uploads = shelf.uploads
        self._names = Names(shelf.uploads)
        self._receiver = Receiver(shelf, places, settings)
        self._spool = settings.spool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, hand it on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            if scope["method"] in _READING:
                await self._read(own_path(scope), scope, receive, send)
            elif scope["method"] == "POST":
                await self._sent(own_path(scope), scope, receive, send)
            else:
                raise copy(_NOWHERE)
        except UserError as error:
            await answer(error, self._spool)(scope, receive, send)

    async def _read(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        if paths.is_static(path):
            await self._app(scope, receive, send)
        elif path == paths.PROGRESS:
            await self._receiver.progress(Request(scope))(scope, receive, send)
        elif paths.is_asked(path) and self._is_there(path):
            asked = self._names.asked_inside(uncompressed(scope))
            await self._app(asked, receive, self._names.outside(send))
        else:
            raise copy(_NOWHERE)

    def _is_there(self, path: str) -> bool:
        """Return whether a path that asks for an upload leads to one; others are Gradio's."""
        _, asks, name = path.partition(FILE)
        found = self._names.inside(name)
        return not asks or (found is not None and is_inside(found, self._uploads))

    async def _sent(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        if path == paths.UPLOAD:
            received = await self._receiver.receive(Request(scope, receive))
            await received(scope, receive, send)
        elif paths.is_sent(path):
            receive = await self._checked(within(receive, SMALL_SECONDS))
            await self._answered(uncompressed(scope), receive, self._names.outside(send))
        else:
            raise copy(_NOWHERE)

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
        if status >= 400:
            raise copy(_UNREADABLE)

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


async def _read(receive: Receive) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > _LONGEST:
            raise too_large(_LONGEST)
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
