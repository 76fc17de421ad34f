"""Scenes from file to file: against plain CARN and the bare network, and from a cold start."""

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
from backends import mosaic, windows
from naip import stores
from plain import plain_network
from rasterio.transform import from_origin

from sen2naip_sr.inference.network import TorchNetwork
from sen2naip_sr.inference.speed import matrix_product_rate, multiply_adds_per_pixel
from sen2naip_sr.upscaling.parameters import make_parameters
from sen2naip_sr.upscaling.scenes import Job
from sen2naip_sr.upscaling.upscaler import Upscaler

SIDE = 1024
COLD_SIDE = 512
TILES = {"lean": (512, 768, 1024), "carn": (256, 384, 512)}
PARTS = 2
"""The bare network gets the scene in 2 x 2 parts, without halo: whole, it takes several GB."""
PLAIN, BARE = "plain", "bare"
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
        with stores(data) as (_, lr, _):
            pixels = mosaic(lr.chips, SIDE // lr.manifest.shape[-1])
        _write(scene, pixels)
        _write(cold, pixels[:, :COLD_SIDE, :COLD_SIDE])
        return _networks(scene, pixels) | {
            "cold_start_s": _seconds([*COMMAND, "upscale", str(cold), "--overwrite"]),
            "help_s": _seconds([*COMMAND, "--help"]),
            "threads": torch.get_num_threads(),
        }


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


def _networks(scene: Path, pixels: np.ndarray) -> dict[str, Any]:
    """Time plain CARN, networks in parts without halo, and from file to file by tile."""
    upscalers = {
        (name, tile): Upscaler(make_parameters(model=name, tile=tile, overwrite=True))
        for name, tiles in TILES.items()
        for tile in tiles
    }
    image = pixels[np.newaxis].astype(np.float32) / 255
    parts = windows(image, PARTS)
    bare = {name: upscalers[name, tiles[0]].network for name, tiles in TILES.items()}
    ways: dict[Any, Callable[[], object]] = {
        (name, BARE): lambda network=network: [network(part) for part in parts]
        for name, network in bare.items()
    } | {
        (name, tile): lambda name=name, upscaler=upscaler: upscaler(
            Job(scene, scene.with_name(f"{name}.tif"))
        )
        for (name, tile), upscaler in upscalers.items()
    }
    times: dict[Any, list[float]] = {way: [] for way in [PLAIN, *ways]}
    with plain_network("carn") as plain:
        for _ in range(ROUNDS):
            times[PLAIN].append(plain.seconds(image))
            for way, work in ways.items():
                times[way].append(_timed(work))
    seconds = {way: median(values) for way, values in times.items()}
    rows = [_row(name, network, seconds) for name, network in bare.items()]
    return {"plain_carn_megapixels_s": _rate(seconds[PLAIN]), "networks": rows}


def _row(name: str, network: TorchNetwork, seconds: dict[Any, float]) -> dict[str, Any]:
    bare = seconds[name, BARE]
    best = min(seconds[name, tile] for tile in TILES[name])
    by_core = SIDE**2 / best / torch.get_num_threads()
    multiplied = SIDE**2 * multiply_adds_per_pixel(network) / bare
    return {
        "network": name,
        "backend": network.describe(),
        "bare_megapixels_s": _rate(bare),
        "file_megapixels_s": {str(tile): _rate(seconds[name, tile]) for tile in TILES[name]},
        "file_against_bare": {
            str(tile): round(bare / seconds[name, tile], 3) for tile in TILES[name]
        },
        "bare_times_plain_carn": round(seconds[PLAIN] / bare, 2),
        "file_times_plain_carn": round(seconds[PLAIN] / best, 2),
        "lr_pixels_s_core": round(by_core),
        "granule_minutes_8_cores": round(GRANULE / by_core / 8 / 60, 1),
        "share_of_matrix_product": round(multiplied / matrix_product_rate(network.device), 2),
    }


def _rate(seconds: float) -> float:
    """Return millions of the result's pixels a second."""
    return round(4e-6 * SIDE**2 / seconds, 3)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _seconds(command: list[str]) -> float:
    def run() -> None:
        subprocess.run(command, check=True, capture_output=True)

    return round(median(_timed(run) for _ in range(ROUNDS)), 2)
