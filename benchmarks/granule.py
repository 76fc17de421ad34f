"""A whole granule from its .SAFE against the same pixels in a tiled GeoTIFF: time and memory.

    python benchmarks/run.py --only granule
    python benchmarks/granule.py --side 4096            # a smaller one, printed only

The granule is generated: see `made_granule`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from made_granule import NAME, write
from memory import watched

SIDE = 10_980
SOURCES = ("geotiff", "safe")
PEER_MINUTES = 50
"""What the nearest product states for a granule on 8 cores."""


def measure(side: int = SIDE, model: str = "default", threads: int | None = None) -> dict[str, Any]:
    """Return seconds, peak memory in MB and their ratio; each run has a process of its own.

    Args:
        side: Rows and columns of the granule.
        model: The network.
        threads: Threads of torch; None: all cores.
    """
    found: dict[str, Any] = {"side": side, "model": model}
    with tempfile.TemporaryDirectory(dir="/var/tmp") as scratch:
        folder = Path(scratch)
        began = time.perf_counter()
        write(folder, side)
        found["generated_s"] = round(time.perf_counter() - began, 1)
        for kind in SOURCES:
            command = [sys.executable, __file__, "--run", kind, "--folder", scratch]
            command += ["--model", model, *(["--threads", str(threads)] if threads else [])]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found |= json.loads(printed.splitlines()[-1])
        equal = subprocess.run(
            [sys.executable, __file__, "--compare", "--folder", scratch],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        found["equal"] = equal.split()[-1] == "True"
    found["ratio"] = round(found["safe_s"] / found["geotiff_s"], 3)
    scaled = (SIDE / side) ** 2 * found["safe_s"] / 60
    found["granule_minutes_here"] = round(scaled, 1)
    found["granule_minutes_8_cores"] = round(scaled * found["threads"] / 8, 1)
    found["peer_minutes_8_cores"] = PEER_MINUTES
    return found


def _source(folder: Path, kind: str) -> Path:
    return folder / ("stack.tif" if kind == "geotiff" else f"{NAME}.SAFE")


def _run(folder: Path, kind: str, model: str, threads: int | None) -> None:
    """Upscale one of both and print what it took."""
    from sen2naip_sr.upscaling.files import upscale_file
    from sen2naip_sr.upscaling.parameters import make_options
    from sen2naip_sr.upscaling.scenes import Job
    from sen2naip_sr.upscaling.upscaler import Upscaler

    def work() -> float:
        began = time.perf_counter()
        upscaler = Upscaler(make_options(model=model, threads=threads))
        upscale_file(upscaler, Job(_source(folder, kind), folder / f"{kind}_x2.tif"))
        return time.perf_counter() - began

    peak, seconds = watched(work)
    found = {
        f"{kind}_s": round(seconds, 1),
        f"{kind}_peak_mb": round(peak),
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(found))


def _equal(folder: Path) -> bool:
    """Return whether both results have the same pixels."""
    first, second = (rasterio.open(folder / f"{kind}_x2.tif") for kind in SOURCES)
    with first, second:
        return all(
            np.array_equal(first.read(window=window), second.read(window=window))
            for _, window in first.block_windows(1)
        )


def main() -> None:
    """Measure a granule of any side, or do one part of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--model", default="default")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--run", choices=SOURCES, help=argparse.SUPPRESS)
    parser.add_argument("--compare", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.compare:
        print(_equal(given.folder))
    elif given.run:
        _run(given.folder, given.run, given.model, given.threads)
    else:
        print(json.dumps(measure(given.side, given.model, given.threads), indent=1))


if __name__ == "__main__":
    main()
