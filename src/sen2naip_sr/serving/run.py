"""The process of a server: from its address to its clean end."""

import socket
from collections.abc import Callable

import uvicorn

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.app import create_app
from sen2naip_sr.serving.settings import ServeSettings

SECONDS_TO_END = 30
"""Requests that are being answered have so many seconds to end after Ctrl-C."""


def run(settings: ServeSettings, show: Callable[[str], object]) -> None:
    """Serve until the process is told to end (Ctrl-C or SIGTERM).

    Args:
        settings: The server's settings.
        show: Called with lines of text: the addresses.

    Raises:
        UserError: If the address or the spool folder is in use, or cannot be used.
    """
    listening = listen(settings.host, settings.port)
    with listening:
        app = create_app(settings)
        address = f"http://{shown_address(listening)}{settings.root_path}"
        show(f"API   {address}/v1  (described at {address}/docs)")
        show(f"Page  {address}/")
        config = uvicorn.Config(
            app,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=SECONDS_TO_END,
        )
        uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        UserError: If the port is taken, or there is no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=2048)
    except OSError as error:
        raise UserError(
            "address-taken",
            f"{host}:{port}: cannot listen there ({error.strerror or error})",
            "choose another port or address, or end what listens there",
        ) from error


def shown_address(listening: socket.socket) -> str:
    """Return where a socket listens, as a browser takes it."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
