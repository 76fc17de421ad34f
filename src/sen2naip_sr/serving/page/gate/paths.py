"""What the page asks Gradio for. Gradio has many routes more: they fetch addresses, and write."""

from sen2naip_sr.serving.page.gate.names import FILE, OUTSIDE

UPLOAD = "/gradio_api/upload"
PROGRESS = "/gradio_api/upload_progress"

_STATIC = ("/assets/", "/static/")
_ASKED = (
    "/",
    "/config",
    "/favicon.ico",
    "/gradio_api/app_id",
    "/gradio_api/queue/data",
    "/gradio_api/startup-events",
    "/manifest.json",
    "/theme.css",
)
_ASKED_BELOW = ("/gradio_api/heartbeat/", f"{FILE}{OUTSIDE}/")
_SENT = (
    "/gradio_api/cancel",
    "/gradio_api/queue/join",
    "/gradio_api/reset",
)


def is_static(path: str) -> bool:
    """Return whether a path of the page is that of scripts, styles and fonts."""
    return path.startswith(_STATIC)


def is_asked(path: str) -> bool:
    """Return whether the page asks for a path of its own."""
    return path in _ASKED or path.startswith(_ASKED_BELOW)


def is_sent(path: str) -> bool:
    """Return whether the page sends JSON to a path of its own."""
    return path in _SENT
