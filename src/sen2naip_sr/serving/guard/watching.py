"""What happens around every request: headers, counting, and answers to faults of the server."""

import logging
from pathlib import Path
from time import perf_counter
from urllib.parse import quote

import anyio
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sen2naip_sr.errors import UserError, find_user_error
from sen2naip_sr.serving.guard.paths import API, HEALTH, is_below, own_path
from sen2naip_sr.serving.metrics import Metrics
from sen2naip_sr.serving.problems import answer

logger = logging.getLogger(__name__)

CLIENT_GONE = 499
"""The status in the metrics of a request whose client is gone; nobody receives it."""
STALLED_SECONDS = 60.0
"""Longest time for a client to take the next part of an answer."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OTHER = "other"
"""Stands for methods and paths that the API does not have: clients could make up any number."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
OF_THE_API = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
OF_THE_PAGE = {
    # Gradio and Swagger UI have scripts and styles in their pages; nothing else is loaded
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' data: blob:; worker-src 'self' blob:; media-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
}


class Headed:
    """Adds the security headers to every answer, and the proxy's path to every request.

    Args:
        app: What answers.
        root_path: The path under which a proxy serves the application; it may strip it or not.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if self._root_path and scope["type"] != "lifespan":
            self._add_root(scope)
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", [])
                of_api = is_below(own_path(scope), (*API, *HEALTH))
                headers = MutableHeaders(scope=message)
                for name, value in (HEADERS | (OF_THE_API if of_api else OF_THE_PAGE)).items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sending)

    def _add_root(self, scope: Scope) -> None:
        """Add the proxy's path, also to the request's if the proxy has stripped it."""
        root = scope["root_path"] = self._root_path
        if not is_below(scope["path"], (root,)):
            scope["path"] = root + scope["path"]
            if scope.get("raw_path") is not None:
                scope["raw_path"] = quote(root).encode() + scope["raw_path"]


class Watched:
    """Counts requests, gives up clients that take no answer, and answers what nobody expected.

    Args:
        app: What answers.
        metrics: What counts.
        spool: The folder whose name is in no answer.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, spool: Path) -> None:
        self._app = app
        self._metrics = metrics
        self._spool = spool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            try:
                with anyio.fail_after(STALLED_SECONDS):
                    await send(message)
            except TimeoutError as error:
                raise ClientDisconnect from error

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            status = CLIENT_GONE
        except Exception as error:
            if status:
                raise
            await answer(_fault(error), self._spool)(scope, receive, sending)
        finally:
            method = scope["method"] if scope["method"] in METHODS else OTHER
            route = getattr(scope.get("route"), "path", OTHER)
            self._metrics.answered(method, route, status, perf_counter() - began)


def _fault(error: Exception) -> UserError:
    found = find_user_error(error)
    if found is None:
        logger.error("a request failed", exc_info=error)
        found = UserError("internal-error", "the server has a fault", "tell who runs it")
    return found
