"""The application: REST API and page together."""

import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import describe_faults
from sen2naip_sr.serving import page
from sen2naip_sr.serving.api import health, jobs, login, models, upscale
from sen2naip_sr.serving.api.docs import add_docs, describe
from sen2naip_sr.serving.api.nowhere import Nowhere
from sen2naip_sr.serving.guard.security import Wall
from sen2naip_sr.serving.guard.watching import Headed, Watched
from sen2naip_sr.serving.problems import answer
from sen2naip_sr.serving.service import Service
from sen2naip_sr.serving.settings import ServeSettings
from sen2naip_sr.version import __version__

ROUTERS = (upscale.router, jobs.router, models.router, health.router, login.router)

EXPOSED = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "ETag",
    "Location",
    "Retry-After",
)
"""Headers that web pages of other origins may read, to take parts of a result too."""


def create_app(settings: ServeSettings) -> FastAPI:
    """Return the application, with the page if Gradio is installed.

    Raises:
        UserError: If the spool folder cannot be used, or another server uses it.
    """
    service = Service.of(settings)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        await to_thread.run_sync(service.start)
        try:
            yield
        finally:
            await to_thread.run_sync(service.close)

    app = FastAPI(
        title="sen2naip_sr",
        version=__version__,
        description="Doubles the resolution of rasters with trained networks.",
        lifespan=running,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    for router in ROUTERS:
        app.include_router(router)
    add_docs(app)
    app.openapi = lambda: describe(app, settings)  # type: ignore[method-assign]
    _add_heads(app)
    nowhere = Nowhere(app)
    app.router.routes += [Route(path, nowhere) for path in ("/v1", "/v1/{rest:path}")]
    _add_handlers(app, settings.spool)
    _add_middleware(app, service)
    if has_page(settings):
        page.mount(app, service.engine, settings)
    else:
        app.add_route("/", _to_docs, include_in_schema=False)
    return app


def has_page(settings: ServeSettings) -> bool:
    """Return whether the page for people is wanted and can be served."""
    return settings.page and importlib.util.find_spec("gradio") is not None


def _to_docs(request: Request) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/docs", 303)


def _add_heads(app: FastAPI) -> None:
    """Let HEAD be asked for wherever GET is; FastAPI refuses it."""
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
                app.add_api_route(
                    route.path, route.endpoint, methods=["HEAD"], include_in_schema=False
                )


def _add_middleware(app: FastAPI, service: Service) -> None:
    """Stand the wall around the application; the last one here is the outermost."""
    settings = service.settings
    app.add_middleware(Wall, settings=settings)
    if settings.cors:
        # outside the wall: browsers ask first without a token
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors,
            allow_methods=["GET", "HEAD", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Range"],
            expose_headers=EXPOSED,
        )
    app.add_middleware(Watched, metrics=service.metrics, spool=settings.spool)
    app.add_middleware(Headed, root_path=settings.root_path)


def _add_handlers(app: FastAPI, spool: Path) -> None:
    """Let every error become a problem document."""

    @app.exception_handler(UserError)
    async def refused(_: Request, error: UserError) -> Response:
        return answer(error, spool)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        # the first part of a place is that of the request: query, path
        faults = [fault | {"loc": fault["loc"][1:]} for fault in error.errors()]
        problem = UserError("options-invalid", describe_faults(faults), "correct these parameters")
        return answer(problem, spool)

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> Response:
        return answer(_known(error), spool, error.headers)


def _known(error: HTTPException) -> UserError:
    if error.status_code == 404:
        return UserError("not-found", "there is nothing at this path", "GET /openapi.json")
    if error.status_code == 405:
        return UserError(
            "method-not-allowed", "the path takes no requests of this method", "GET /openapi.json"
        )
    return UserError("request-invalid", "the request is not valid", "correct it")
