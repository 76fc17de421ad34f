"""What clients send: bounded before it is stored, and again before a pixel of it is decoded."""

import errno
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import anyio

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.drivers import recognised
from sen2naip_sr.raster.access.faults import RASTER_FAULTS
from sen2naip_sr.raster.access.opening import open_raster
from sen2naip_sr.raster.access.sizes import largest_block
from sen2naip_sr.serving.guard.bodies import too_slow
from sen2naip_sr.serving.settings import ServeSettings

DRIVERS = {"GTiff": "GeoTIFF", "JP2OpenJPEG": "JPEG 2000", "PNG": "PNG", "JPEG": "JPEG"}
"""Formats that are taken, by their drivers. A GeoPackage may refer to other files; so may a VRT."""

MEDIA_TYPES = (
    "image/tiff",
    "image/geotiff",
    "image/jp2",
    "image/png",
    "image/jpeg",
    "application/octet-stream",
)

PART = 2**20
"""Bytes that are collected before they are written."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_headers(media_type: str, encoding: str, length: str | None, limit: int) -> None:
    """Check what the headers of an upload say, before its body is read.

    Raises:
        UserError: If it is larger than allowed, of another type, or compressed.
    """
    kind = media_type.partition(";")[0].strip().lower()
    if kind and kind not in MEDIA_TYPES:
        raise UserError(
            "content-refused",
            f"the content type '{kind[:100]}' is not taken",
            f"send the file's bytes as the body, as one of {', '.join(MEDIA_TYPES)}",
        )
    if encoding.strip().lower() not in ("", "identity"):
        raise UserError(
            "content-refused", "the body is compressed", "send the file's bytes as they are"
        )
    if length is not None and not (re.fullmatch("[0-9]{1,18}", length) and int(length) <= limit):
        raise too_large(limit)


def check_room(folder: Path, length: int) -> None:
    """Check that there is room for an upload.

    Raises:
        UserError: If there is none.
    """
    if shutil.disk_usage(folder).free < length:
        raise disk_full()


async def receive(stream: AsyncIterator[bytes], path: Path, settings: ServeSettings) -> None:
    """Write a body to a file.

    Raises:
        UserError: If it is larger than allowed, takes too long, or the disk is full.
        starlette.requests.ClientDisconnect: If the client is gone.
    """
    try:
        with anyio.fail_after(settings.max_upload_seconds):
            async with await anyio.open_file(path, "xb") as file:
                await _copy(stream, file, settings.max_bytes)
    except TimeoutError as error:
        raise too_slow(settings.max_upload_seconds) from error
    except OSError as error:
        if error.errno in FULL:
            raise disk_full() from error
        raise


async def _copy(stream: AsyncIterator[bytes], file: "anyio.AsyncFile[bytes]", limit: int) -> None:
    received, waiting = 0, bytearray()
    async for chunk in stream:
        received += len(chunk)
        if received > limit:
            raise too_large(limit)
        waiting += chunk
        if len(waiting) >= PART:
            await file.write(bytes(waiting))
            waiting.clear()
    await file.write(bytes(waiting))


def too_large(limit: int) -> UserError:
    """Return the error of an upload with too many bytes."""
    return UserError(
        "upload-too-large",
        f"the upload has more than {limit:,} bytes",
        "compress the scene, or cut it into parts",
    )


def disk_full() -> UserError:
    """Return the error of a server without space."""
    return UserError(
        "disk-full", "the server's disk is full", "try again later, or tell who runs the server"
    )


def check_scene(path: Path, settings: ServeSettings, most_pixels: int | None = None) -> int:
    """Check a scene's format and size; no pixel is decoded.

    Args:
        path: The file, with no other beside it. Its first bytes say what it is, not its name.
        settings: The limits.
        most_pixels: Another limit than the settings' ``max_pixels``.

    Returns:
        The number of pixels.

    Raises:
        UserError: If it is no raster, of another format or larger than allowed.
    """
    if path.stat().st_size == 0:
        raise UserError("file-empty", "the body is empty", "send the file's bytes as the body")
    if recognised(path) not in DRIVERS:
        raise UserError(
            "format-refused",
            f"{path}: is none of {', '.join(DRIVERS.values())}",
            "convert it to a GeoTIFF",
        )
    try:
        with open_raster(path) as source:
            pixels, count = source.width * source.height, source.count
            block = largest_block(source)[2] if count else 0
    except RASTER_FAULTS as error:
        raise UserError(
            "file-damaged", f"{path}: its header is damaged", "copy or download it again"
        ) from error
    most = settings.max_pixels if most_pixels is None else most_pixels
    _require(count <= settings.max_bands, f"{count:,} bands", f"{settings.max_bands}")
    _require(pixels <= most, f"{pixels:,} pixels", f"{most:,}")
    limit = settings.max_block_bytes
    _require(block <= limit, f"blocks of {block:,} bytes", f"{limit:,}")
    return pixels


def _require(fits: bool, what: str, limit: str) -> None:
    if not fits:
        raise UserError(
            "scene-too-large",
            f"the scene has {what}, and {limit} are allowed here",
            "cut it into parts, or store it in tiles of a few hundred pixels, with the bands that "
            "are needed",
        )
