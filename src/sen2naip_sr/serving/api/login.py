"""The login of people with a browser."""

from html import escape
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sen2naip_sr.serving.guard.bodies import SMALL_SECONDS, within
from sen2naip_sr.serving.guard.security import COOKIE, SESSION, issue_session, same
from sen2naip_sr.serving.service import Served

router = APIRouter(include_in_schema=False)

LONGEST = 4096
"""Bytes of a form."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sen2naip_sr: log in</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: 22rem; padding: 0 1rem;
  color: #1a1a1a; background: #fff; }}
input, button {{ font: inherit; padding: .5rem; width: 100%; box-sizing: border-box;
  margin: .25rem 0; }}
p[role=alert] {{ color: #a40000; }}
</style>
</head>
<body>
<main>
<h1>Log in</h1>
{fault}
<form method="post">
<label for="token">Token of this server</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button type="submit">Log in</button>
</form>
</main>
</body>
</html>
"""


@router.get("/login")
def form(service: Served) -> Response:
    """Answer the form."""
    if service.settings.secret is None:
        return RedirectResponse(f"{service.settings.root_path}/", 303)
    return HTMLResponse(PAGE.format(fault=""))


@router.post("/login")
async def log_in(request: Request, service: Served) -> Response:
    """Give a cookie to somebody who gives the token."""
    token, home = service.settings.secret, f"{service.settings.root_path}/"
    if token is None:
        return RedirectResponse(home, 303)
    body = b""
    async for chunk in Request(request.scope, within(request.receive, SMALL_SECONDS)).stream():
        body += chunk
        if len(body) > LONGEST:
            break
    given = parse_qs(body[:LONGEST].decode("utf-8", "replace")).get("token", [""])[0]
    if not same(given, token):
        fault = f'<p role="alert">{escape("This is not the token.")}</p>'
        return HTMLResponse(PAGE.format(fault=fault), 401)
    answer = RedirectResponse(home, 303)
    answer.set_cookie(
        COOKIE,
        issue_session(token),
        max_age=SESSION,
        path=home,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer
