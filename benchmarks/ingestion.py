"""Ingestion and preprocessing against a plain loop that only reads the same files."""

import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import rasterio
from rasterio.errors import NotGeoreferencedWarning

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.store import require_store
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.sources.ingest import Ingestion
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.sources.sample import SampleSource

ROUNDS = 7


def measure(data: Path | None) -> dict[str, float]:
    """Return median seconds of both, measured in turns, and the median ratio of the rounds."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = data or _sample(Path(scratch))
        files = sorted(folder.rglob("*.tif"))
        _seconds(lambda: _read(files))
        rounds = [
            (
                _seconds(lambda: _read(files)),
                _seconds(lambda n=n: _prepare(folder, Path(scratch, str(n)))),
            )
            for n in range(ROUNDS)
        ]
    plain, ours = zip(*rounds, strict=True)
    return {
        "files": len(files),
        "plain_read_s": round(median(plain), 2),
        "ingest_and_preprocess_s": round(median(ours), 2),
        "ratio": round(median(b / a for a, b in rounds), 2),
    }


def _sample(scratch: Path) -> Path:
    SampleSource(folder=scratch, seed=0, places=8, chips_per_place=12, size=256).files()
    return scratch


def _read(files: list[Path]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        for file in files:
            with rasterio.open(file) as raster:
                raster.read()


def _prepare(folder: Path, target: Path) -> None:
    parameters = IngestionParameters(source="directory", path=str(folder))
    Ingestion(DirectorySource(folder), parameters).make(target / "hr")
    Downscaling(require_store(target / "hr"), "bicubic_antialiased").make(target / "lr")


def _seconds(function: Callable[[], None]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
