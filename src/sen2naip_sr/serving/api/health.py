"""Whether the server lives and works."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.api.documents import problems, text
from sen2naip_sr.serving.service import Served

router = APIRouter(tags=["Health"])
OPEN: dict[str, Any] = {"security": []}
"""Of the routes that need no token."""


class Health(BaseModel):
    """The state of the server."""

    status: Literal["ok"] = "ok"


@router.get(
    "/healthz",
    operation_id="health",
    summary="Whether the server lives",
    openapi_extra=OPEN,
)
async def health() -> Health:
    """Answer as long as the server lives. Needs no token."""
    return Health()


@router.get(
    "/readyz",
    operation_id="readiness",
    summary="Whether the server works",
    responses=problems(503),
    openapi_extra=OPEN,
)
async def readiness(service: Served) -> Health:
    """Answer whether the default model is loaded and scenes are taken. Needs no token."""
    if not service.is_ready:
        raise UserError("not-ready", "the server is not ready", "ask again in some seconds")
    return Health()


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses=text("Metrics in Prometheus' text format.") | problems(),
)
async def metrics(service: Served) -> Response:
    """Answer the number and seconds of requests, megapixels, and the length of the queues."""
    return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")
