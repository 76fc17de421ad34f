"""A server in a process of its own, scenes for it, and clients that use it all at once."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import rasterio
from rasterio.transform import from_origin

from sen2naip_sr.landscape.generator import landscape
from sen2naip_sr.landscape.styles import STYLES

COMMAND = [sys.executable, "-c", "from sen2naip_sr.command import main; main()", "serve"]
TIFF = {"Content-Type": "image/tiff"}
TIMEOUT = httpx.Timeout(300)


@dataclass
class Server:
    """A server that is ready.

    Attributes:
        url: Its address.
        process: Its process.
        ready_s: Seconds from the start of the process until it is ready.
    """

    url: str
    process: psutil.Process
    ready_s: float

    def resident_mb(self) -> float:
        """Return the resident memory in MB, processes that it has started included."""
        processes = [self.process, *self.process.children(recursive=True)]
        return sum(process.memory_info().rss for process in processes) / 1e6

    def processor_s(self) -> float:
        """Return the seconds of processor time so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def serving() -> Iterator[Server]:
    """Start a server with its default settings, and end it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as spool:
        environment = os.environ | {"SEN2NAIP_SR_SPOOL": spool, "SEN2NAIP_SR_PORT": str(port)}
        began = time.perf_counter()
        process = subprocess.Popen(COMMAND, env=environment, stdout=subprocess.DEVNULL)
        try:
            while not _is_ready(url):
                if process.poll() is not None:
                    raise RuntimeError("the server ended")
                time.sleep(0.02)
            yield Server(url, psutil.Process(process.pid), time.perf_counter() - began)
        finally:
            process.terminate()
            process.wait(60)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


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


@contextmanager
def watched(server: Server, every: float = 0.5) -> Iterator[list[tuple[float, float]]]:
    """Collect (seconds, resident MB) of a server during the block."""
    samples: list[tuple[float, float]] = []
    over, began = threading.Event(), time.perf_counter()

    def watch() -> None:
        while not over.wait(every):
            samples.append((time.perf_counter() - began, server.resident_mb()))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()
