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
from sen2naip_sr.serving.api.query import Options
from sen2naip_sr.serving.engine import Cancelled, Made
from sen2naip_sr.serving.service import RESULT, SCENE, Served, Service, remove
from sen2naip_sr.serving.uploads import check_headers, check_scene, receive
from sen2naip_sr.upscaling.parameters import UpscalerParameters

router = APIRouter()


class PassingFile(FileResponse):
    """A file that is sent, and removed with its folder once it is sent or the client is gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            remove(Path(self.path).parent)


@router.post(
    "/v1/upscale",
    operation_id="upscale",
    summary="Upscale a small scene at once",
    response_class=PassingFile,
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
    await to_thread.run_sync(service.engine.load, checked.model)
    with service.places.place():
        folder = service.make_folder()
        try:
            await receive(request.stream(), folder / SCENE, service.settings)
            await to_thread.run_sync(_check, folder / SCENE, service)
            made = await _upscaled(request, folder, checked, service)
        except BaseException:
            remove(folder)
            raise
    return PassingFile(made.target, media_type=GEOTIFF, filename=RESULT)


def check_upload(request: Request, service: Service) -> None:
    """Check the headers of a request with a scene; errors as in `check_headers`."""
    headers = request.headers
    check_headers(
        headers.get("content-type", ""),
        headers.get("content-encoding", ""),
        headers.get("content-length"),
        service.settings.max_bytes,
    )


def _check(path: Path, service: Service) -> None:
    pixels, most = check_scene(path, service.settings), service.settings.max_pixels_at_once
    if pixels > most:
        raise UserError(
            "needs-a-job",
            f"the scene has {pixels:,} pixels, and up to {most:,} are upscaled at once",
            "make it a job: POST /v1/jobs",
        )


async def _upscaled(
    request: Request, folder: Path, options: UpscalerParameters, service: Service
) -> Made:
    """Return the result, unless the client is gone before."""
    gone = Event()
    work = service.engine.begin(folder / SCENE, folder / RESULT, options, cancelled=gone)
    result = asyncio.wrap_future(work)
    leaving: asyncio.Task[Any] = asyncio.create_task(_until_left(request))
    try:
        await asyncio.wait({result, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not result.done():
            gone.set()
            work.cancel()
            await asyncio.wait({result})
            raise ClientDisconnect
        return result.result()
    except (Cancelled, asyncio.CancelledError) as error:
        gone.set()
        raise UserError("stopping", "the server stops", "ask again later") from error
    finally:
        leaving.cancel()


async def _until_left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
