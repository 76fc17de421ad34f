"""Files that are sent: whole or in parts, and some are removed with it."""

import os
from pathlib import Path

from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.jobs.spool import Spool, remove
from sen2naip_sr.serving.problems import answer

_RANGES = (b"range", b"if-range")


class RangedFile(FileResponse):
    """A file of which parts may be asked for, as RFC 9110 has it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or what the header Range asks for."""
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            if status not in (400, 416):
                await send(message)

        await super().__call__(scope, receive, sending)
        if status == 400:
            # a range that cannot be read counts as none
            await super().__call__(without_range(scope), receive, send)
        elif status == 416:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = Path(self.path)
        size = path.stat().st_size
        error = UserError(
            "range-not-there", f"the file has {size:,} bytes", "ask for a part that it has"
        )
        headers = {"Content-Range": f"bytes */{size}"}
        await answer(error, path.parent, headers)(scope, receive, send)


class PassingFile(RangedFile):
    """A file that is sent, and removed with its folder once it is sent or the client is gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            remove(Path(self.path).parent)


def without_range(scope: Scope) -> Scope:
    """Return a request for the whole of a file."""
    headers = [header for header in scope["headers"] if header[0] not in _RANGES]
    return {**scope, "headers": headers}


def held(path: Path, spool: Spool) -> Path | None:
    """Return a second name of a file, in a folder of its own: the first may go meanwhile.

    Returns:
        None if the file is not there any more, or the file system has no second names.

    Raises:
        UserError: If the disk is full.
    """
    folder = spool.make_request()
    try:
        os.link(path, folder / path.name)
    except OSError:
        remove(folder)
        return None
    return folder / path.name
