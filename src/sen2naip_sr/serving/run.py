"""The process of a server: from its address to its clean end."""

import contextlib
import ctypes
import signal
import socket
import warnings
from collections.abc import Callable

import uvicorn
from rasterio.errors import NotGeoreferencedWarning

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.app import create_app, has_page
from sen2naip_sr.serving.guard.connections import PromptConnection
from sen2naip_sr.serving.service import Service
from sen2naip_sr.serving.settings import ServeSettings

M_ARENA_MAX = -8
"""Of glibc's malloc.h."""
SECONDS_TO_END = 30
"""Requests that are being answered have so many seconds to end after Ctrl-C."""


def run(settings: ServeSettings, show: Callable[[str], object]) -> None:
    """Serve until the process is told to end (Ctrl-C or SIGTERM).

    Args:
        settings: The server's settings.
        show: Called with lines of text: the addresses.

    Raises:
        UserError: If the address or the spool folder is in use, or cannot be used, or there is no
            such device, or the weights are damaged.
    """
    use_few_arenas()
    # where it is expected, it is not shown; but threads that say so at once undo each other's word
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    with listen(settings.host, settings.port) as listening:
        app = create_app(settings)
        _load(app.state.service)
        config = uvicorn.Config(
            app,
            http=PromptConnection,
            ws="none",
            log_level="warning",
            server_header=False,
            forwarded_allow_ips=settings.proxies,
            timeout_graceful_shutdown=SECONDS_TO_END,
        )
        address = f"http://{shown_address(listening)}{settings.root_path}"
        lines = [f"API   {address}/v1   described at {address}/docs"]
        if has_page(settings):
            lines.append(f"Page  {address}/")
        for number in (signal.SIGINT, signal.SIGTERM):
            # the server raises them once more when it has ended, to end the process as they would
            signal.signal(number, lambda *_: None)
        server = _Announced(
            config, lambda: [show(line) for line in lines], app.state.service.begin_to_end
        )
        server.run(sockets=[listening])
    if not server.started:
        raise UserError("not-started", "the server did not start", "see what it wrote before")


def _load(service: Service) -> None:
    """Load the default model: uvicorn would show the trace of what is wrong with it."""
    try:
        service.engine.load()
    except BaseException:
        service.close()
        raise


def use_few_arenas() -> None:
    """Let threads share the places that glibc takes memory from; elsewhere, do nothing.

    By default there are eight for each core, and each keeps memory that a scene needed: a quarter
    of the resident memory under load, and it grows for long.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


class _Announced(uvicorn.Server):
    """A server that tells when it is ready, and when it begins to end."""

    def __init__(
        self,
        config: uvicorn.Config,
        announce: Callable[[], object],
        begin_to_end: Callable[[], object],
    ) -> None:
        super().__init__(config)
        self._announce = announce
        self._begin_to_end = begin_to_end

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._begin_to_end()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        UserError: If the port is taken, or there is no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=2048)
    except OSError as error:
        # Python adds the address to the reason
        reason = str(error.strerror or error).partition(" (while")[0]
        raise UserError(
            "address-taken",
            f"{host}:{port}: cannot listen there ({reason})",
            "choose another port or address, or end what listens there",
        ) from error


def shown_address(listening: socket.socket) -> str:
    """Return where a socket listens, as a browser takes it."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
