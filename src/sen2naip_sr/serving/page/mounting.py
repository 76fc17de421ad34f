"""The page as a part of the application: its routes, files, and settings of Gradio."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

# before Gradio is imported: nothing is sent to anybody, and nothing fetched
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", DO_NOT_TRACK="1")

import gradio as gr
from fastapi import FastAPI
from fastapi.responses import FileResponse, RedirectResponse, Response
from gradio.routes import App
from starlette.routing import Mount

from sen2naip_sr.serving.engine import Engine, in_passing_thread
from sen2naip_sr.serving.page.gate.gate import Gate
from sen2naip_sr.serving.page.layout import build, theme
from sen2naip_sr.serving.page.networks import choices
from sen2naip_sr.serving.page.runs import Runs
from sen2naip_sr.serving.page.shelf import Shelf
from sen2naip_sr.serving.settings import ServeSettings

PATH = "/page"
_LONGEST = 3600.0
"""Seconds after which files of the page are removed, if those of jobs are kept longer."""
_BETWEEN = 60.0
"""Seconds between two looks for files to remove."""
_LOOK = 0.05
"""Seconds between two looks of Gradio for events and their progress."""
_TYPES = {".tif": "image/tiff", ".png": "image/png", ".svg": "image/svg+xml"}
_FOLDER = Path(__file__).parent


def mount_page(app: FastAPI, engine: Engine, settings: ServeSettings) -> None:
    """Add the page to an application; see `sen2naip_sr.serving.page.mount`."""
    shelf = Shelf(
        settings.spool / "page",
        f"{settings.root_path}{PATH}/files",
        min(settings.expiry, _LONGEST),
    )
    # Gradio asks for its folder of uploads when it makes components and when it receives
    os.environ["GRADIO_TEMP_DIR"] = str(shelf.uploads)
    networks = in_passing_thread(choices)
    runs = Runs(engine, settings, app.state.service.requests, shelf, networks)
    _add_routes(app, shelf, settings)
    _add_sweeping(app, shelf)
    page = build(runs, shelf, networks, settings)
    # Gradio looks for events a thousand times a second, which disturbs predictions
    page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = _LOOK
    # Gradio checks paths and addresses less strictly before
    page.has_launched = page.is_running = True
    gr.mount_gradio_app(
        app,
        page,
        PATH,
        footer_links=[],
        run_history=False,
        max_file_size=settings.max_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
        show_error=False,
        blocked_paths=[str(settings.spool.absolute() / "jobs")],
        theme=theme(),
        css=(_FOLDER / "page.css").read_text(),
    )
    for route in app.routes:
        if isinstance(route, Mount) and route.path == PATH:
            assert isinstance(route.app, App)
            # open pages hold a connection without end, which the server would wait for
            app.state.service.at_end.append(route.app.stop_event.set)
            route.app = Gate(route.app, shelf, app.state.service.requests, settings)


def _add_routes(app: FastAPI, shelf: Shelf, settings: ServeSettings) -> None:
    @app.get("/", include_in_schema=False)
    def to_page() -> Response:
        return RedirectResponse(f"{settings.root_path}{PATH}/")

    @app.get("/favicon.ico", include_in_schema=False)
    def icon() -> Response:
        return FileResponse(_FOLDER / "favicon.svg", media_type="image/svg+xml")

    @app.get(PATH + "/files/{ticket}/{name}", include_in_schema=False)
    def file(ticket: str, name: str) -> Response:
        path = shelf.find(ticket, name)
        if path is None:
            return Response("This file has been removed. Upscale the scene again.", 410)
        kind = _TYPES.get(path.suffix, "application/octet-stream")
        return FileResponse(path, media_type=kind, headers={"Cache-Control": "private, no-store"})


def _add_sweeping(app: FastAPI, shelf: Shelf) -> None:
    """Remove files that expire, and all of them at the end."""
    others = app.router.lifespan_context

    async def sweep() -> None:
        while True:
            await asyncio.sleep(_BETWEEN)
            await asyncio.to_thread(shelf.sweep)

    @asynccontextmanager
    async def lifespan(running: Any) -> AsyncIterator[Any]:
        async with others(running) as state:
            sweeping = asyncio.create_task(sweep())
            try:
                yield state
            finally:
                sweeping.cancel()
                with suppress(asyncio.CancelledError):
                    await sweeping
        shelf.clear()

    app.router.lifespan_context = lifespan
