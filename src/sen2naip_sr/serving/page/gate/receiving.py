"""Uploads of the page.

Gradio's own route keeps the fields of a form in memory, whatever their size, and leaves the files
of clients who go.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.guard.uploads import check_headers, check_room, receive
from sen2naip_sr.serving.jobs.spool import remove
from sen2naip_sr.serving.page.gate.form import OneFile
from sen2naip_sr.serving.page.gate.names import OUTSIDE
from sen2naip_sr.serving.page.shelf import Shelf
from sen2naip_sr.serving.places import Places
from sen2naip_sr.serving.settings import ServeSettings

AROUND = 100_000
"""Most bytes of an upload besides the file."""
_PATIENCE = 3.0
"""Seconds to wait for an upload whose progress is asked for before it begins."""
_LOOK = 0.1
"""Seconds between two looks at the progress."""


@dataclass
class _Arriving:
    """An upload that arrives: its file's name, and the bytes of it so far."""

    form: OneFile
    received: int = 0


class Receiver:
    """Receives the files that visitors choose.

    Args:
        shelf: The page's files.
        places: Counts how many scenes each client sends at once.
        settings: The server's settings.
    """

    def __init__(self, shelf: Shelf, places: Places, settings: ServeSettings) -> None:
        self._shelf = shelf
        self._places = places
        self._settings = settings
        self._arriving: dict[str, _Arriving] = {}

    async def receive(self, request: Request) -> Response:
        """Store an upload, and answer its name in a list, as Gradio does.

        Raises:
            UserError: If it is larger than allowed, takes too long or is no form with one file, if
                the disk is full, or its client sends many others.
            starlette.requests.ClientDisconnect: If the client is gone. Nothing is left.
        """
        self._check(request)
        form = OneFile(request.headers.get("content-type", ""))
        client = request.client.host if request.client else ""
        with self._places.receiving(client):
            folder = self._shelf.new_upload()
            try:
                with self._watched(request.query_params.get("upload_id", ""), form) as arriving:
                    content = _counted(form.content(request.stream()), arriving)
                    await receive(content, folder / "arriving", self._settings)
                name = _safe(form.name)
                (folder / "arriving").rename(folder / name)
            except BaseException:
                remove(folder)
                raise
        return JSONResponse([f"{OUTSIDE}/{folder.name}/{name}"])

    def progress(self, request: Request) -> Response:
        """Answer how far an upload is, until it has arrived."""
        told = self._told(request.query_params.get("upload_id", ""))
        return StreamingResponse(told, media_type="text/event-stream")

    def _check(self, request: Request) -> None:
        length = request.headers.get("content-length")
        if length is None:
            raise UserError(
                "request-invalid", "the upload does not tell its length", "send Content-Length"
            )
        encoding = request.headers.get("content-encoding", "")
        check_headers("", encoding, length, self._settings.max_bytes + AROUND)
        check_room(self._settings.spool, int(length))

    @contextmanager
    def _watched(self, id: str, form: OneFile) -> Iterator[_Arriving]:
        """Let the progress of an upload be asked for by its name."""
        arriving = _Arriving(form)
        self._arriving[id] = arriving
        try:
            yield arriving
        finally:
            self._arriving.pop(id, None)

    async def _told(self, id: str) -> AsyncIterator[str]:
        end, told = monotonic() + _PATIENCE, 0
        while id not in self._arriving and monotonic() < end:
            await asyncio.sleep(_LOOK)
        while arriving := self._arriving.get(id):
            more, told = arriving.received - told, arriving.received
            if more:
                yield _event(msg="update", orig_name=arriving.form.name, chunk_size=more)
            await asyncio.sleep(_LOOK)
        yield _event(msg="done")


async def _counted(content: AsyncIterator[bytes], arriving: _Arriving) -> AsyncIterator[bytes]:
    async for chunk in content:
        arriving.received += len(chunk)
        yield chunk


def _event(**message: str | int) -> str:
    return f"data: {json.dumps(message)}\n\n"


def _safe(name: str) -> str:
    """Return the last part of a file's name without what has a meaning to somebody."""
    last = Path(re.sub(r"[^\w. -]", "_", name.replace("\\", "/").rpartition("/")[2]))
    return f"{last.stem.strip(' .')[:50] or 'scene'}{last.suffix[:10]}"
