"""Scenes from file to file: against the bare network, by the core, from a cold start."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import rasterio
import torch
from naip import stores
from rasterio.transform import from_origin

from sen2naip_sr.inference.speed import measure_speed
from sen2naip_sr.training.shipped import load_shipped
from sen2naip_sr.upscaling.parameters import make_parameters
from sen2naip_sr.upscaling.scenes import Job
from sen2naip_sr.upscaling.upscaler import Upscaler

SIDE = 1024
COLD_SIDE = 512
TILES = (256, 512, 1024)
ROUNDS = 3
GRANULE = 10_980**2
COMMAND = [sys.executable, "-m", "sen2naip_sr.command"]


def measure(data: Path) -> dict[str, Any]:
    """Time networks alone and file to file in turns, and the command from a cold start.

    Args:
        data: The README's chips; scenes are laid out of them.
    """
    with tempfile.TemporaryDirectory() as scratch:
        scene, cold = Path(scratch, "scene.tif"), Path(scratch, "cold.tif")
        pixels = _mosaic(data)
        _write(scene, pixels)
        _write(cold, pixels[:, :COLD_SIDE, :COLD_SIDE])
        return {
            "networks": [_network(name, scene, pixels) for name in ("lean", "carn")],
            "cold_start_s": _seconds([*COMMAND, "upscale", str(cold), "--overwrite"]),
            "help_s": _seconds([*COMMAND, "--help"]),
            "threads": torch.get_num_threads(),
        }


def _mosaic(data: Path) -> np.ndarray:
    """Return LR chips side by side: (4, SIDE, SIDE)."""
    with stores(data) as (_, lr, _):
        size = lr.manifest.shape[-1]
        across = SIDE // size
        rows = [
            np.concatenate([lr.chips[row * across + n] for n in range(across)], axis=-1)
            for row in range(across)
        ]
        return np.concatenate(rows, axis=-2)


def _write(path: Path, pixels: np.ndarray) -> None:
    count, height, width = pixels.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=count,
        height=height,
        width=width,
        dtype=pixels.dtype,
        crs="EPSG:32611",
        transform=from_origin(4e5, 4e6, 0.6, 0.6),
    ) as target:
        target.write(pixels)


def _network(name: str, scene: Path, pixels: np.ndarray) -> dict[str, Any]:
    """Time a network on the scene in one piece, and from file to file by size of the tiles."""
    weights = load_shipped(name)
    assert weights is not None
    tiles = TILES if name == "lean" else TILES[:2]
    upscalers = {tile: Upscaler(make_parameters(model=name, tile=tile, overwrite=True))
                 for tile in tiles}  # fmt: skip
    network = upscalers[tiles[0]].network
    image = pixels[np.newaxis].astype(np.float32) / 255
    job = Job(scene, scene.with_name(f"{name}.tif"))
    times: dict[Any, list[float]] = {"bare": [], **{tile: [] for tile in tiles}}
    for _ in range(ROUNDS):
        times["bare"].append(_timed(lambda: _in_parts(network, image)))
        for tile, upscaler in upscalers.items():
            times[tile].append(_timed(lambda upscaler=upscaler: upscaler(job)))
    seconds = {key: median(values) for key, values in times.items()}
    speed = measure_speed(network)
    best = min(seconds[tile] for tile in tiles)
    rate = SIDE**2 / best / torch.get_num_threads()
    return {
        "network": name,
        "backend": network.describe(),
        "bare_megapixels_s": round(4e-6 * SIDE**2 / seconds["bare"], 3),
        "file_megapixels_s": {
            str(tile): round(4e-6 * SIDE**2 / seconds[tile], 3) for tile in tiles
        },
        "file_against_bare": {
            str(tile): round(seconds["bare"] / seconds[tile], 3) for tile in tiles
        },
        "lr_pixels_s_core": round(rate),
        "granule_minutes_8_cores": round(GRANULE / rate / 8 / 60, 1),
        "share_of_matrix_product": round(speed.share, 2),
    }


def _in_parts(network: Callable[[np.ndarray], np.ndarray], image: np.ndarray) -> None:
    """Predict quarters, without halo: the image at once takes CARN several GB."""
    half = SIDE // 2
    for top in (0, half):
        for left in (0, half):
            network(np.ascontiguousarray(image[..., top : top + half, left : left + half]))


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _seconds(command: list[str]) -> float:
    def run() -> None:
        subprocess.run(command, check=True, capture_output=True)

    return round(median(_timed(run) for _ in range(ROUNDS)), 2)
