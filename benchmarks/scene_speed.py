"""Scenes from file to file: against plain CARN and the bare network, and from a cold start."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
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
from sen2naip_sr.inference.speed import matrix_product_rate
from sen2naip_sr.models.cost import multiply_adds_per_pixel
from sen2naip_sr.upscaling.files import upscale_file
from sen2naip_sr.upscaling.parameters import make_options
from sen2naip_sr.upscaling.scenes import Job
from sen2naip_sr.upscaling.upscaler import Upscaler

SIDES = {"lean": 2048, "carn": 1024}
"""Of the scenes: some tiles across."""
PLAIN_SIDE, COLD_SIDE = 1024, 512
PLAIN, BARE, FILE = "plain", "bare", "file"
ROUNDS = 3
GRANULE = 10_980**2
COMMAND = [sys.executable, "-m", "sen2naip_sr.command"]


def measure(data: Path) -> dict[str, Any]:
    """Time networks alone and file to file in turns, and the command from a cold start.

    Args:
        data: The README's chips; scenes are laid out of them.
    """
    with tempfile.TemporaryDirectory() as scratch:
        cold = Path(scratch, "cold.tif")
        with stores(data) as (_, lr, _):
            pixels = mosaic(lr.chips, max(SIDES.values()) // lr.manifest.shape[-1])
        _write(cold, pixels[:, :COLD_SIDE, :COLD_SIDE])
        return _networks(Path(scratch), pixels) | {
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


def _networks(folder: Path, pixels: np.ndarray) -> dict[str, Any]:
    """Time plain CARN, and each network on tiles without halo and from file to file."""
    image = _normalised(pixels[:, :PLAIN_SIDE, :PLAIN_SIDE])
    ways: dict[Any, Callable[[], object]] = {}
    networks = {}
    for name, side in SIDES.items():
        scene = folder / f"{name}.tif"
        _write(scene, pixels[:, :side, :side])
        upscaler = Upscaler(make_options(model=name))
        network = networks[name] = upscaler.network
        parts = windows(_normalised(pixels[:, :side, :side]), side // network.tile)
        ways[name, BARE] = partial(_each, network, parts)
        ways[name, FILE] = partial(
            upscale_file, upscaler, Job(scene, folder / f"{name}_x2.tif"), overwrite=True
        )
    times: dict[Any, list[float]] = {way: [] for way in [PLAIN, *ways]}
    with plain_network("carn") as plain:
        for _ in range(ROUNDS):
            times[PLAIN].append(plain.seconds(image))
            for way, work in ways.items():
                times[way].append(_timed(work))
    seconds = {way: median(values) for way, values in times.items()}
    plain_rate = _rate(PLAIN_SIDE, seconds[PLAIN])
    rows = [
        _row(network, SIDES[name], seconds[name, BARE], seconds[name, FILE], plain_rate)
        | {"network": name}
        for name, network in networks.items()
    ]
    return {"plain_carn_megapixels_s": plain_rate, "networks": rows}


def _each(network: TorchNetwork, parts: list[np.ndarray]) -> None:
    for part in parts:
        network(part)


def _normalised(pixels: np.ndarray) -> np.ndarray:
    return pixels[np.newaxis].astype(np.float32) / 255


def _row(
    network: TorchNetwork, side: int, bare: float, file: float, plain_rate: float
) -> dict[str, Any]:
    by_core = side**2 / file / torch.get_num_threads()
    multiplied = side**2 * multiply_adds_per_pixel(network.model, network.bands) / bare
    return {
        "backend": network.describe(),
        "scene": side,
        "tile": network.tile,
        "bare_megapixels_s": _rate(side, bare),
        "file_megapixels_s": _rate(side, file),
        "file_against_bare": round(bare / file, 3),
        "bare_times_plain_carn": round(_rate(side, bare) / plain_rate, 2),
        "file_times_plain_carn": round(_rate(side, file) / plain_rate, 2),
        "lr_pixels_s_core": round(by_core),
        "granule_minutes_8_cores": round(GRANULE / by_core / 8 / 60, 1),
        "granule_minutes_here": round(GRANULE * file / side**2 / 60, 1),
        "share_of_matrix_product": round(multiplied / matrix_product_rate(network.device), 2),
    }


def _rate(side: int, seconds: float) -> float:
    """Return megapixels of the result per second."""
    return round(4e-6 * side**2 / seconds, 4)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _seconds(command: list[str]) -> float:
    def run() -> None:
        subprocess.run(command, check=True, capture_output=True)

    return round(median(_timed(run) for _ in range(ROUNDS)), 2)
