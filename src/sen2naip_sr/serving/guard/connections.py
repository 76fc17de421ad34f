"""Connections of clients: how long they may take to say what they want."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 30.0
"""Longest time from a connection or an answer's next byte to the end of a request's headers."""
LEFT_SECONDS = 600.0
"""Longest time to receive what is left of a body after its answer; it is thrown away."""


class PromptConnection(H11Protocol):
    """HTTP/1.1 with clients who have to say in time what they want.

    uvicorn itself limits the bytes of headers only, and those only with h11; it would take another
    parser where one is installed.
    """

    _timer: asyncio.TimerHandle | None = None
    _waits_for = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        """Begin to wait for the next thing, unless it is what is waited for already."""
        waits_for = self._awaited()
        if waits_for != self._waits_for:
            self._stop()
            self._waits_for = waits_for
            if waits_for and not self.transport.is_closing():
                seconds = HEAD_SECONDS if waits_for == "head" else LEFT_SECONDS
                self._timer = self.loop.call_later(seconds, self._give_up)

    def _awaited(self) -> str:
        """Return what the client has to send: "" while it is answered."""
        if self.cycle is not None and not self.cycle.response_complete:
            return ""
        return "head" if self.conn.their_state is h11.IDLE else "rest"

    def _give_up(self) -> None:
        if self._awaited() == self._waits_for and not self.transport.is_closing():
            self.transport.close()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waits_for = ""
