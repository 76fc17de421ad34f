"""Scenes for a server, and clients that use it all at once."""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import rasterio
from rasterio.transform import from_origin

from sen2naip_sr.landscape.generator import landscape
from sen2naip_sr.landscape.styles import STYLES

TIFF = {"Content-Type": "image/tiff"}
TIMEOUT = httpx.Timeout(300)


def make_scenes(folder: Path, count: int, side: int) -> list[Path]:
    """Write synthetic landscapes as GeoTIFFs; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        pixels = landscape(number, STYLES[number % len(STYLES)], side)
        path = folder / f"scene-{number}.tif"
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=len(pixels),
            width=side,
            height=side,
            dtype=pixels.dtype,
            crs="EPSG:32611",
            transform=from_origin(4e5, 4e6, 0.6, 0.6),
        ) as target:
            target.write(pixels)
        paths.append(path)
    return paths


@dataclass
class Load:
    """What clients ask for, and what they have seen.

    Attributes:
        url: The server's address.
        bodies: Scenes; every client asks for one after the other.
        seconds: Clients stop asking after so many; then, those until the last answer.
        answered: For each scene that was upscaled: the seconds of the request that was accepted,
            and those since its client first asked for it.
        turned_away: Number of answers that asked to come again (429).
        failures: Other statuses than 200 and 429, and faults of the connection.
    """

    url: str
    bodies: list[bytes]
    seconds: float
    answered: list[tuple[float, float]] = field(default_factory=list)
    turned_away: int = 0
    failures: list[str] = field(default_factory=list)


def apply_load(url: str, bodies: list[bytes], clients: int, seconds: float) -> Load:
    """Let clients ask for scenes, each for one after the other, until the time is over."""
    load = Load(url, bodies, seconds)
    asyncio.run(_apply(load, clients))
    return load


async def _apply(load: Load, clients: int) -> None:
    began = time.perf_counter()
    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(timeout=TIMEOUT, limits=limits, trust_env=False) as client:
        await asyncio.gather(
            *(_ask(client, load, number, began + load.seconds) for number in range(clients))
        )
    load.seconds = time.perf_counter() - began


async def _ask(client: httpx.AsyncClient, load: Load, number: int, end: float) -> None:
    """Be one client."""
    first = time.perf_counter()
    while (asked := time.perf_counter()) < end:
        body = load.bodies[number % len(load.bodies)]
        try:
            answer = await client.post(f"{load.url}/v1/upscale", content=body, headers=TIFF)
        except httpx.TransportError as error:
            load.failures.append(repr(error))
            continue
        if answer.status_code == 429:
            load.turned_away += 1
            await asyncio.sleep(float(answer.headers["Retry-After"]))
            continue
        if answer.status_code == 200:
            now = time.perf_counter()
            load.answered.append((now - asked, now - first))
        else:
            load.failures.append(str(answer.status_code))
        number, first = number + 1, time.perf_counter()
