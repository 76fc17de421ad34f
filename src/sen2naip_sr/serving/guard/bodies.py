"""Bodies of requests: how long they may take."""

from time import monotonic

import anyio
from starlette.types import Message, Receive

from sen2naip_sr.errors import UserError

SMALL_SECONDS = 30.0
"""Longest time to receive the body of a request that is no upload."""


def within(receive: Receive, seconds: float) -> Receive:
    """Return what receives a body, and raises if it takes longer than so many seconds.

    What comes after the body, the end of the connection, may take as long as it likes.

    Raises:
        UserError: When called, after that time (``upload-too-slow``).
    """
    end, complete = monotonic() + seconds, False

    async def receiving() -> Message:
        nonlocal complete
        if complete:
            return await receive()
        try:
            with anyio.fail_after(max(0.0, end - monotonic())):
                message = await receive()
        except TimeoutError as error:
            raise too_slow(seconds) from error
        complete = not message.get("more_body", False)
        return message

    return receiving


def too_slow(seconds: float) -> UserError:
    """Return the error of a body that takes too long."""
    return UserError(
        "upload-too-slow",
        f"the upload takes longer than {seconds:g} s",
        "send it over a faster connection, or cut the scene into parts",
    )
