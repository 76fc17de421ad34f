"""The description of the API: OpenAPI, and a page that shows it without any other server."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from sen2naip_sr.serving.problems import Problem
from sen2naip_sr.serving.settings import ServeSettings

ASSETS = "/docs/assets"
UNUSED = ("HTTPValidationError", "ValidationError")
"""FastAPI's own form of errors."""


def add_docs(app: FastAPI) -> None:
    """Add the page ``/docs``, with Swagger UI from the package fastapi-offline."""
    found = find_spec("fastapi_offline")
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent / "static"

    @app.get("/docs", include_in_schema=False)
    def docs(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        return get_swagger_ui_html(
            openapi_url=f"{root}/openapi.json",
            title=app.title,
            swagger_js_url=f"{root}{ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{root}{ASSETS}/favicon.png",
        )

    app.mount(ASSETS, StaticFiles(directory=folder), name="assets")


def describe(app: FastAPI, settings: ServeSettings) -> dict[str, Any]:
    """Return the description of the API by OpenAPI; it is made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            servers=[{"url": settings.root_path or "/"}],
        )
        schemas = schema["components"]["schemas"]
        schemas["Problem"] = Problem.model_json_schema()
        for name in UNUSED:
            schemas.pop(name, None)
        if settings.secret is not None:
            schema["components"]["securitySchemes"] = {
                "token": {"type": "http", "scheme": "bearer"}
            }
            schema["security"] = [{"token": []}]
        app.openapi_schema = schema
    return app.openapi_schema
