"""Send damaged and hostile uploads to a server: answers, memory, files left, the next request.

python -m benchmarks.hostile.serving --mutated 120
"""

import argparse
import json
import random
import shutil
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from benchmarks.hostile import inputs
from benchmarks.hostile.__main__ import LARGEST, LONGEST, Listener
from benchmarks.server import Server

BOMBS = ("60,000 bands", "4,000 bands", "10^6 x 10^6", "10^5 x 10^5", "one tile", "one strip",
         "interlaced PNG", "loop of pages", "10 MB of tags", "zip as TIFF", "overviews elsewhere",
         "empty")  # fmt: skip
ROUTES = ("/v1/upscale", "/v1/jobs")


def uploads(mutated: int, scratch: Path, server: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every upload."""
    for number, text in enumerate(inputs.TEXTS):
        yield f"text {number}", text.replace("SERVER", server).encode()
    makers = dict(inputs.hostile(scratch))
    for name in BOMBS:
        folder = scratch / "bomb"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        makers[name](folder, server)
        yield name, next(folder.glob("scene.*")).read_bytes()
    yield from own(scratch)
    names = sorted(inputs.VARIANTS)
    for seed in range(mutated):
        name = names[seed % len(names)]
        content = inputs.plain(name, scratch)
        yield f"{name} {seed}", inputs.damaged(content, random.Random(seed))
        yield f"{name} cut {seed}", content[: len(content) * (seed % 97 + 1) // 100]


def own(scratch: Path) -> Iterator[tuple[str, bytes]]:
    """Yield bombs of formats that are decoded as a whole, and wrong types."""
    import numpy as np
    import rasterio

    profile = {"dtype": "uint8", "count": 4, "height": 9_000, "width": 9_000}
    for driver, more in (("JP2OpenJPEG", {"BLOCKXSIZE": 9_000, "BLOCKYSIZE": 9_000}), ("PNG", {})):
        path = scratch / "whole"
        with rasterio.open(path, "w", driver=driver, **profile, **more) as target:
            target.write(np.zeros((4, 9_000, 9_000), "uint8"))
        yield f"whole {driver}", path.read_bytes()
        path.unlink()
    for dtype in ("complex64", "complex_int16", "int64"):
        path = scratch / "typed.tif"
        with rasterio.open(path, "w", driver="GTiff", **inputs.SIZE, dtype=dtype):
            pass
        yield dtype, path.read_bytes()
    for count in (1, 3, 5):
        path = inputs.write(scratch / "few.tif")
        with rasterio.open(
            path, "w", driver="GTiff", **{**inputs.SIZE, "count": count}, dtype="uint8"
        ):
            pass
        yield f"{count} bands", path.read_bytes()


def measure(mutated: int, folder: Path) -> dict[str, Any]:
    """Return the counts of answers, and everything that should not have happened."""
    scratch = folder / "scratch"
    scratch.mkdir()
    listener, bad, counts = Listener(), [], Counter[str]()
    slowest = 0.0
    good = inputs.write(scratch / "good.tif").read_bytes()
    with (
        Server(folder / "spool", "--model=lean") as server,
        server.watched(0.01) as samples,
        httpx.Client(base_url=server.address, timeout=120) as client,
    ):
        for name, content in uploads(mutated, scratch, listener.address):
            for route in ROUTES:
                began = time.perf_counter()
                answer = client.post(route, content=content)
                slowest = max(slowest, time.perf_counter() - began)
                outcome = str(answer.status_code)
                if answer.status_code == 202:
                    outcome += f" {_end(client, answer.json())}"
                elif answer.status_code >= 400:
                    outcome += f" {answer.json()['code']}"
                counts[outcome] += 1
                if answer.status_code >= 500 or "internal" in outcome or str(folder) in answer.text:
                    bad.append([name, route, outcome, answer.text[:300]])
                left = server.left()
                if left:
                    bad.append([name, route, "left", left])
                if (peak := _peak(samples)) > LARGEST:
                    bad.append([name, route, "memory", peak])
                if client.post("/v1/upscale", content=good).status_code != 200:
                    bad.append([name, route, "the next request failed"])
    return {
        "uploads": sum(counts.values()),
        "answers": dict(counts.most_common()),
        "connections": listener.connections,
        "slowest_seconds": round(slowest, 2),
        "peak_mb": round(_peak(samples)),
        "bad": bad,
    }


def _peak(samples: list[tuple[float, float]]) -> float:
    return max((mb for _, mb in samples), default=0.0)


def _end(client: httpx.Client, job: dict[str, Any]) -> str:
    """Wait for the end of a job, remove it and return its state; one that takes long is ended."""
    link, began = job["links"]["self"], time.perf_counter()
    while (known := client.get(link).json())["state"] in ("queued", "running"):
        if time.perf_counter() - began > LONGEST:
            break
        time.sleep(0.02)
    client.delete(link)
    # its files go at the next tile
    while client.get("/metrics").text.find('queue_length{kind="jobs"} 0') < 0:
        time.sleep(0.1)
    return f"{known['state']} {(known['problem'] or {}).get('code', '')}"


def main() -> None:
    """Print the counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutated", type=int, default=120)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(given.mutated, Path(folder)), indent=1))


if __name__ == "__main__":
    main()
