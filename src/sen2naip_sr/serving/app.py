"""The application: REST API and page together."""

import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import describe_faults
from sen2naip_sr.serving.api import health, upscale
from sen2naip_sr.serving.engine import Engine
from sen2naip_sr.serving.metrics import Metrics
from sen2naip_sr.serving.places import Busy, Places
from sen2naip_sr.serving.problems import answer
from sen2naip_sr.serving.security import Wall
from sen2naip_sr.serving.service import Service
from sen2naip_sr.serving.settings import ServeSettings
from sen2naip_sr.version import __version__

ROUTERS = (upscale.router, health.router)
CLIENT_GONE = 499
"""The status in the metrics of a request whose client is gone; nobody receives it."""


def create_app(settings: ServeSettings) -> FastAPI:
    """Return the application, with the page if Gradio is installed.

    Raises:
        UserError: If the spool folder cannot be used, or another server uses it.
    """
    metrics = Metrics()
    engine = Engine(settings, metrics)
    service = Service(settings, engine, metrics, Places(settings.max_waiting))

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        await to_thread.run_sync(engine.load)
        try:
            yield
        finally:
            await to_thread.run_sync(engine.close)

    app = FastAPI(
        title="sen2naip_sr",
        version=__version__,
        description="Doubles the resolution of rasters with trained networks.",
        lifespan=running,
        root_path=settings.root_path,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    for router in ROUTERS:
        app.include_router(router)
    _add_handlers(app, settings.spool)
    app.add_middleware(Wall, settings=settings)
    if importlib.util.find_spec("gradio"):
        from sen2naip_sr.serving import page

        page.mount(app, engine, settings)
    return app


def _add_handlers(app: FastAPI, spool: Path) -> None:
    """Let every error become a problem document."""

    @app.exception_handler(UserError)
    async def refused(_: Request, error: UserError) -> Response:
        headers = {"Retry-After": str(error.seconds)} if isinstance(error, Busy) else None
        return answer(error, spool, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        # the first part of a place is that of the request: query, path
        faults = [fault | {"loc": fault["loc"][1:]} for fault in error.errors()]
        problem = UserError("options-invalid", describe_faults(faults), "correct these parameters")
        return answer(problem, spool)

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> Response:
        return answer(_known(error), spool, error.headers)

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=CLIENT_GONE)


def _known(error: HTTPException) -> UserError:
    if error.status_code == 404:
        return UserError("not-found", "there is nothing at this path", "GET /openapi.json")
    if error.status_code == 405:
        return UserError(
            "method-not-allowed", "the path takes no requests of this method", "GET /openapi.json"
        )
    return UserError("request-invalid", "the request is not valid", "correct it")
