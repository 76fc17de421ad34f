"""What the routes that take a scene have in common."""

from pathlib import Path

from anyio import to_thread
from fastapi import Request

from sen2naip_sr.serving.guard.uploads import check_headers, check_room, check_scene, receive
from sen2naip_sr.serving.places import Places
from sen2naip_sr.serving.service import Service


def check_upload(request: Request, service: Service) -> None:
    """Check the headers of a request with a scene, before anything of its body is read.

    Raises:
        UserError: If it is too large, or not taken for another reason; see `check_headers`.
    """
    headers = request.headers
    length = headers.get("content-length")
    check_headers(
        headers.get("content-type", ""),
        headers.get("content-encoding", ""),
        length,
        service.settings.max_bytes,
    )
    check_room(service.settings.spool, int(length or 0))


async def receive_scene(request: Request, path: Path, service: Service, places: Places) -> int:
    """Write the body of a request to a file and check it; it has one of the places.

    Returns:
        The number of pixels.

    Raises:
        UserError: If it is too large, no raster, or of another format, or its client sends many
            others; see `check_scene` and `Places.receiving`.
        starlette.requests.ClientDisconnect: If the client is gone.
    """
    with places.receiving(request.client.host if request.client else ""):
        await receive(request.stream(), path, service.settings)
    return await to_thread.run_sync(check_scene, path, service.settings)
