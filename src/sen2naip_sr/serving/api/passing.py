"""Files that are removed once they are sent."""

import os
from pathlib import Path

from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from sen2naip_sr.serving.jobs.spool import Spool, remove


class PassingFile(FileResponse):
    """A file that is sent, and removed with its folder once it is sent or the client is gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            remove(Path(self.path).parent)


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
