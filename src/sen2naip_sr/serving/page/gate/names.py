"""Names of uploads: outside, none says where the server keeps them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

OUTSIDE = "/uploads"
"""Stands for the folder of uploads in every answer and request."""
_TEXT = ("application/json", "text/event-stream", "text/html", "text/plain")
FILE = "/gradio_api/file="
"""What the path of a file begins with."""


class Names:
    """Names uploads in one way inside the server and in another outside.

    Args:
        uploads: The folder of uploads.
    """

    def __init__(self, uploads: Path) -> None:
        self._inside = str(uploads)
        ways = {str(uploads), str(uploads.absolute()), str(uploads.resolve())}
        # as they are, in JSON, and in addresses; long ones first: one may contain another
        written = {way for text in ways for way in (text, json.dumps(text)[1:-1], quote(text))}
        self._hidden = sorted((text.encode() for text in written), key=len, reverse=True)

    def inside(self, name: Any) -> Path | None:
        """Return the path of what has a name outside; None if it is no such name."""
        if isinstance(name, str) and name.startswith(f"{OUTSIDE}/"):
            return Path(self._inside + name.removeprefix(OUTSIDE))
        return None

    def asked_inside(self, scope: Scope) -> Scope:
        """Return a request for a file, by its name outside, as one by its path."""
        before, mark, name = scope["path"].partition(FILE)
        path = self.inside(name) if mark else None
        if path is None:
            return scope
        asked = f"{before}{mark}{path}"
        return {**scope, "path": asked, "raw_path": quote(asked).encode()}

    def outside(self, send: Send) -> Send:
        """Return what sends an answer, and names uploads in its text as they are named outside."""
        hide: Callable[[bytes, bool], bytes] | None = None

        async def sending(message: Message) -> None:
            nonlocal hide
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith(_TEXT):
                    # the length changes
                    del headers["content-length"]
                    hide = self._hiding()
            elif message["type"] == "http.response.body" and hide:
                more = message.get("more_body", False)
                message = {**message, "body": hide(message.get("body", b""), not more)}
            await send(message)

        return sending

    def _hiding(self) -> Callable[[bytes, bool], bytes]:
        """Return what replaces the folder's path in parts of a text; it may cross their ends."""
        kept = b""

        def hide(part: bytes, last: bool) -> bytes:
            nonlocal kept
            text = kept + part
            for path in self._hidden:
                text = text.replace(path, OUTSIDE.encode())
            cut = len(text) if last else len(text) - self._begun(text)
            kept = text[cut:]
            return text[:cut]

        return hide

    def _begun(self, text: bytes) -> int:
        """Return how many bytes at a text's end may be the beginning of the folder's path."""
        longest = min(len(text), len(self._hidden[0]) - 1)
        return next(
            (
                size
                for size in range(longest, 0, -1)
                if any(path.startswith(text[-size:]) for path in self._hidden)
            ),
            0,
        )


def uncompressed(scope: Scope) -> Scope:
    """Return a request whose answer is not compressed: its text can be read on the way."""
    headers = [header for header in scope["headers"] if header[0] != b"accept-encoding"]
    return {**scope, "headers": headers}


def given_again(body: bytes, receive: Receive) -> Receive:
    """Return what receives a body that was read already, and then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
