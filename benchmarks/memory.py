"""Peak anonymous memory of ingestion and preprocessing for 500 and for 5,000 chips."""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

CHIPS = (500, 5000)
SIZE = 128


def measure() -> dict[str, float]:
    """Return the peaks in MB, each measured in a separate process."""
    peaks = {}
    for chips in CHIPS:
        with tempfile.TemporaryDirectory() as scratch:
            _write_files(Path(scratch, "raw"), chips)
            command = [sys.executable, __file__, scratch]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            peaks[f"peak_mb_{chips}"] = float(printed.split()[-1])
    peaks["growth_mb"] = round(peaks[f"peak_mb_{CHIPS[1]}"] - peaks[f"peak_mb_{CHIPS[0]}"], 1)
    return peaks


def _write_files(folder: Path, chips: int) -> None:
    generator = np.random.default_rng(0)
    for number in range(chips):
        place = folder / f"place-{number % 10}"
        place.mkdir(parents=True, exist_ok=True)
        with rasterio.open(
            place / f"{number:05d}.tif",
            "w",
            driver="GTiff",
            count=4,
            width=SIZE,
            height=SIZE,
            dtype="uint8",
            crs="EPSG:32616",
            transform=from_origin(500000 + number * SIZE * 2.5, 4e6, 2.5, 2.5),
        ) as target:
            target.write(generator.integers(0, 256, (4, SIZE, SIZE), dtype=np.uint8))


def _anonymous_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1e3
    raise OSError("/proc/self/status tells no RssAnon: this benchmark needs Linux")


def watched(work: Callable[[], float]) -> tuple[float, float]:
    """Do work in this process; return its peak anonymous memory in MB, and its result."""
    peak = [0.0]
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            peak[0] = max(peak[0], _anonymous_mb())
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = work()
    finally:
        done.set()
        watcher.join()
    return peak[0], result


def _prepare(scratch: Path) -> float:
    """Ingest and preprocess; return the elapsed seconds."""
    from ingestion import _prepare

    start = time.perf_counter()
    _prepare(scratch / "raw", scratch / "out")
    return time.perf_counter() - start


if __name__ == "__main__":
    print(round(watched(lambda: _prepare(Path(sys.argv[1])))[0], 1))
