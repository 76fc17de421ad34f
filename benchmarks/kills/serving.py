"""Kill a server during jobs, start it again, and look at what became of each accepted job.

python -m benchmarks.kills.serving --kills 20
"""

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import rasterio

from benchmarks.hostile.inputs import PLACE
from benchmarks.server import Server

SIDE = 400
JOBS = 3
"""Jobs that are begun after every start."""


def measure(kills: int, folder: Path) -> dict[str, Any]:
    """Return the ends of all accepted jobs, and what should not have happened."""
    draw = random.Random(0)
    content = _scene(folder / "scene.tif")
    accepted: list[str] = []
    done: set[str] = set()
    bad: list[list[str]] = []
    right = None
    flags = ("--model=lean", "--set=page=false", "--set=max_jobs=1000")
    for _ in range(kills):
        with Server(folder / "spool", *flags) as server, _client(server) as client:
            for link in done:
                _check(client, link, right, bad)
            for _ in range(JOBS):
                answer = client.post("/v1/jobs", content=content)
                accepted.append(answer.json()["links"]["self"])
            time.sleep(draw.uniform(0.0, 2.5))
            done |= {link for link in accepted if client.get(link).json()["state"] == "done"}
            server.kill()
    with Server(folder / "spool", *flags) as server, _client(server) as client:
        ends: Counter[str] = Counter()
        for link in accepted:
            while (known := client.get(link).json())["state"] in ("queued", "running"):
                time.sleep(0.1)
            ends[known["state"] + (f" {known['problem']['code']}" if known["problem"] else "")] += 1
            if known["state"] == "done":
                right = right or _pixels(client.get(f"{link}/result").content)
                _check(client, link, right, bad)
        left = [path for path in server.left() if ".partial" in path]
    return {
        "kills": kills,
        "accepted": len(accepted),
        "done_before_a_kill": len(done),
        "ends": dict(ends),
        "half_files_left": left,
        "bad": bad,
    }


def _scene(path: Path) -> bytes:
    pixels = np.random.default_rng(0).integers(1, 250, (4, SIDE, SIDE), dtype="uint8")
    profile = {"driver": "GTiff", "count": 4, "height": SIDE, "width": SIDE, "dtype": "uint8"}
    with rasterio.open(path, "w", **profile, **PLACE) as target:
        target.write(pixels)
    return path.read_bytes()


def _client(server: Server) -> httpx.Client:
    return httpx.Client(base_url=server.address, timeout=60)


def _check(client: httpx.Client, link: str, right: bytes | None, bad: list[list[str]]) -> None:
    """Note a result that is missing, incomplete or another than that of the others."""
    answer = client.get(f"{link}/result")
    if answer.status_code != 200:
        bad.append([link, str(answer.status_code), answer.text[:200]])
    elif right is not None and _pixels(answer.content) != right:
        bad.append([link, "other pixels", ""])


def _pixels(content: bytes) -> bytes:
    with rasterio.MemoryFile(content) as memory, memory.open() as source:
        return source.read().tobytes()


def main() -> None:
    """Print the counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(given.kills, Path(folder)), indent=1))


if __name__ == "__main__":
    main()
