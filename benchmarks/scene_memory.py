"""Peak anonymous memory of upscaling a scene, and one with 16 times as many pixels."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from memory import watched
from rasterio.transform import from_origin
from rasterio.windows import Window

SIDES = (4096, 16_384)
BLOCK = 512
SIZE = {"channels": 8, "blocks": 1}


def measure() -> dict[str, Any]:
    """Return the peaks in MB, each measured in a separate process, and the elapsed seconds."""
    peaks: dict[str, Any] = {}
    for side in SIDES:
        with tempfile.TemporaryDirectory() as scratch:
            _write(Path(scratch, "scene.tif"), side)
            command = [sys.executable, __file__, scratch]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            peak, seconds = map(float, printed.split()[-2:])
            peaks[f"peak_mb_{side}"], peaks[f"seconds_{side}"] = peak, seconds
    peaks["ratio"] = round(peaks[f"peak_mb_{SIDES[1]}"] / peaks[f"peak_mb_{SIDES[0]}"], 3)
    return peaks


def _write(path: Path, side: int) -> None:
    """Write a scene of soft noise, block by block."""
    random = np.random.default_rng(0)
    blocks = [
        np.clip(random.normal(120, 20, (4, BLOCK, BLOCK)), 0, 255).astype("uint8") for _ in range(8)
    ]
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=4,
        width=side,
        height=side,
        dtype="uint8",
        crs="EPSG:32611",
        transform=from_origin(4e5, 4e6, 0.6, 0.6),
        tiled=True,
        blockxsize=BLOCK,
        blockysize=BLOCK,
    ) as target:
        for top in range(0, side, BLOCK):
            for left in range(0, side, BLOCK):
                target.write(
                    blocks[random.integers(len(blocks))], window=Window(left, top, BLOCK, BLOCK)
                )


def _upscale(folder: Path) -> float:
    """Upscale the scene with a small network; return the elapsed seconds."""
    from sen2naip_sr.models.registry import build_model
    from sen2naip_sr.upscaling.files import upscale_file
    from sen2naip_sr.upscaling.parameters import make_options
    from sen2naip_sr.upscaling.scenes import Job
    from sen2naip_sr.upscaling.upscaler import Upscaler
    from sen2naip_sr.weights.files import save_weights
    from sen2naip_sr.weights.shipped import load_shipped

    torch.manual_seed(0)
    shipped = load_shipped("lean")
    assert shipped is not None
    known = shipped.metadata.model_copy(update={"architecture_parameters": SIZE})
    save_weights(folder / "small.safetensors", build_model("lean", 4, **SIZE).state_dict(), known)
    upscaler = Upscaler(make_options(weights=folder / "small.safetensors", device="cpu"))
    job = Job(folder / "scene.tif", folder / "scene_x2.tif")
    return upscale_file(upscaler, job).seconds


if __name__ == "__main__":
    print(*(round(number, 1) for number in watched(lambda: _upscale(Path(sys.argv[1])))))
