"""The wall around a server: who may ask, and by which name."""

import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from time import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.guard.paths import API, OPEN, is_below, own_path
from sen2naip_sr.serving.problems import answer
from sen2naip_sr.serving.settings import ServeSettings

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
COOKIE = "sen2naip_sr"
SESSION = 12 * 3600
"""Seconds for which the cookie of a login is valid."""


def same(given: str, token: str) -> bool:
    """Return whether a text is the token, in a time that does not tell how much of it is right."""
    return hmac.compare_digest(given.encode(), token.encode())


def issue_session(token: str) -> str:
    """Return the value of a cookie for somebody who gave the token."""
    end = str(int(time()) + SESSION)
    return f"{end}.{_signature(end, token)}"


def is_session(value: str, token: str) -> bool:
    """Return whether a cookie's value was issued for this token and is still valid."""
    end, _, signature = value.partition(".")
    fits = hmac.compare_digest(signature.encode(), _signature(end, token).encode())
    return fits and end.isdecimal() and int(end) > time()


def _signature(end: str, token: str) -> str:
    return hmac.new(token.encode(), f"session until {end}".encode(), hashlib.sha256).hexdigest()


class Wall:
    """Lets requests through that may be answered.

    Without a token the server is for this machine only. Then web pages of others are kept from
    using it by a visitor's browser: the server answers to names of the loopback only, and to no
    page of another origin.

    Args:
        app: What it stands around.
        settings: The server's settings.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app = app
        self._settings = settings
        self._token = settings.secret
        own = settings.hosts or (() if self._token else (*LOOPBACK, settings.host))
        self._hosts = {host.lower() for host in own}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        path = own_path(scope)
        fault = self._fault(path, Headers(scope=scope))
        if fault is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif fault.code == "token-wrong" and _wants_page(path, Headers(scope=scope)):
            await _redirect(f"{self._settings.root_path}/login", send)
        else:
            await answer(fault, self._settings.spool)(scope, receive, send)

    def _fault(self, path: str, headers: Headers) -> UserError | None:
        """Return why a request is refused; None if it is not."""
        host = _name(headers.get("host", ""))
        if self._hosts and host not in self._hosts and path not in OPEN[:2]:
            return UserError(
                "host-refused",
                "the server does not answer to this name",
                "call it by its own name",
            )
        origin = headers.get("origin")
        if origin and not self._token and not self._knows(origin, headers.get("host", "")):
            return UserError(
                "origin-refused",
                "pages of another origin may not use this server",
                "use it from its own page, or from a program",
            )
        if self._token is None or path in OPEN or self._is_known(path, headers):
            return None
        return UserError("token-wrong", "the token is missing or wrong", "send the server's token")

    def _knows(self, origin: str, host: str) -> bool:
        return origin in self._settings.cors or urlsplit(origin).netloc == host

    def _is_known(self, path: str, headers: Headers) -> bool:
        assert self._token is not None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and same(given.strip(), self._token):
            return True
        # a browser sends its cookie with whatever other pages ask it to: not for the API
        cookie = "" if is_below(path, API) else _cookie(headers)
        return bool(cookie) and is_session(cookie, self._token)


def _name(host: str) -> str:
    """Return the name in a header Host in small letters, without its port."""
    return (host if host.endswith("]") else host.rpartition(":")[0] or host).lower()


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _wants_page(path: str, headers: Headers) -> bool:
    return "text/html" in headers.get("accept", "") and not is_below(path, API)


async def _redirect(where: str, send: Send) -> None:
    headers = [(b"location", where.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
