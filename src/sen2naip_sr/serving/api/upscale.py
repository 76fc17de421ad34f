"""Small scenes, upscaled while the client waits."""

import asyncio
from pathlib import Path
from threading import Event
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.api.documents import BODY, GEOTIFF, UPLOAD, geotiff, problems
from sen2naip_sr.serving.api.passing import PassingFile, without_range
from sen2naip_sr.serving.api.query import Options
from sen2naip_sr.serving.api.receiving import check_upload, receive_scene
from sen2naip_sr.serving.engine import Cancelled, Made
from sen2naip_sr.serving.jobs.spool import RESULT, SCENE, remove
from sen2naip_sr.serving.service import Served, Service
from sen2naip_sr.upscaling.parameters import UpscalerParameters

router = APIRouter(tags=["Small scenes"])


class WholeFile(PassingFile):
    """A file that is sent as a whole: there is no second request for the rest."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        self.headers["accept-ranges"] = "none"
        await super().__call__(without_range(scope), receive, send)


@router.post(
    "/v1/upscale",
    operation_id="upscale",
    summary="Upscale a small scene at once",
    response_class=WholeFile,
    responses=geotiff("The result, a cloud-optimised GeoTIFF.") | problems(*UPLOAD, 504),
    openapi_extra=BODY,
)
async def upscale(
    request: Request, options: Annotated[Options, Query()], service: Served
) -> FileResponse:
    """Answer a scene with its result: half the pixel size, the same bounds.

    The result is what the command line writes. Scenes with more pixels than are upscaled at once
    need a job.
    """
    checked = options.checked(service.settings.model)
    check_upload(request, service)
    await to_thread.run_sync(service.engine.check, checked)
    with service.requests.place():
        folder = service.spool.make_request()
        try:
            pixels = await receive_scene(request, folder / SCENE, service, service.requests)
            _require_small(pixels, service)
            made = await _upscaled(request, folder, checked, service)
        except BaseException:
            remove(folder)
            raise
    service.requests.took(made.result.seconds)
    return WholeFile(made.target, media_type=GEOTIFF, filename=RESULT)


def _require_small(pixels: int, service: Service) -> None:
    most = service.settings.max_pixels_at_once
    if pixels > most:
        raise UserError(
            "needs-a-job",
            f"the scene has {pixels:,} pixels, and up to {most:,} are upscaled at once",
            "make it a job",
        )


async def _upscaled(
    request: Request, folder: Path, options: UpscalerParameters, service: Service
) -> Made:
    """Return the result, unless the client is gone before."""
    gone = Event()
    work = service.engine.begin(folder / SCENE, folder / RESULT, options, cancelled=gone)
    result: asyncio.Future[Any] = asyncio.wrap_future(work)
    leaving: asyncio.Future[Any] = asyncio.create_task(_until_left(request))
    try:
        await asyncio.wait({result, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not result.done():
            raise ClientDisconnect
    finally:
        leaving.cancel()
        gone.set()
        work.cancel()
        # also takes note of its error: asyncio reports those that nobody has seen
        await asyncio.gather(result, return_exceptions=True)
    if result.cancelled() or isinstance(result.exception(), Cancelled):
        raise UserError("stopping", "the server stops", "ask again later")
    made: Made = result.result()
    return made


async def _until_left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
