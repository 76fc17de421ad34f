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
<title>Log in: twice the resolution</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: 22rem; padding: 0 1rem;
  color: light-dark(#1f2937, #f3f4f6); background: light-dark(#fff, #0b0f19); }}
h1 {{ font-size: 1.6rem; }}
input, button {{ font: inherit; padding: .6rem .7rem; width: 100%; box-sizing: border-box;
  margin: .25rem 0 .75rem; border-radius: 6px; }}
input {{ border: 1px solid #64748b; background: transparent; color: inherit; }}
button {{ border: 0; background: #0f766e; color: #fff; font-weight: 600; cursor: pointer; }}
button:hover {{ background: #115e59; }}
:focus-visible {{ outline: 3px solid light-dark(#0f766e, #5eead4); outline-offset: 2px; }}
p[role=alert] {{ color: light-dark(#a40000, #fca5a5); }}
</style>
</head>
<body>
<main>
<h1>Twice the resolution</h1>
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
