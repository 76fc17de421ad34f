"""A whole granule from its .SAFE against the same pixels in a tiled GeoTIFF: time and memory.

    python benchmarks/run.py --only granule
    python benchmarks/granule.py --side 4096            # a smaller one, printed only

The granule is generated: soft ground with Sentinel-2's layout, file names and JPEG 2000 tiles.
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
from memory import watched
from rasterio.transform import from_origin
from rasterio.windows import Window

SIDE, BLOCK, TILE = 10_980, 512, 1024
BANDS = {"B04": 2200, "B03": 2000, "B02": 1700, "B08": 3600}
DATE, TILE_NAME = "20240801", "33TWN"
NAME = f"S2A_MSIL2A_{DATE}T100601_N0511_R022_T{TILE_NAME}_{DATE}T140000"
PLACE = {"crs": "EPSG:32633", "transform": from_origin(399_960, 5_300_040, 10, 10)}
SOURCES = ("geotiff", "safe")
PIECE = 2048
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


def write(folder: Path, side: int) -> None:
    """Write a granule as a tiled GeoTIFF and as a .SAFE with JPEG 2000."""
    stack = folder / "stack.tif"
    with rasterio.open(
        stack, "w", driver="GTiff", count=4, height=side, width=side, dtype="uint16", nodata=0,
        tiled=True, blockxsize=BLOCK, blockysize=BLOCK, **PLACE,
    ) as target:  # fmt: skip
        for top in range(0, side, PIECE):
            for left in range(0, side, PIECE):
                height, width = min(PIECE, side - top), min(PIECE, side - left)
                window = Window(left, top, width, height)
                target.write(_ground(top, left, height, width), window=window)
    safe = folder / f"{NAME}.SAFE"
    images = safe / "GRANULE" / f"L2A_T{TILE_NAME}_A041500_{DATE}T100600" / "IMG_DATA" / "R10m"
    images.mkdir(parents=True)
    with rasterio.open(stack) as source:
        for number, band in enumerate(BANDS, 1):
            _write_jpeg(images / f"T{TILE_NAME}_{DATE}T100601_{band}_10m.jp2", source.read(number))
    (safe / "MTD_MSIL2A.xml").write_text(_metadata())


def _write_jpeg(path: Path, band: np.ndarray) -> None:
    with rasterio.open(
        path, "w", driver="JP2OpenJPEG", count=1, height=len(band), width=band.shape[1],
        dtype="uint16", QUALITY=100, REVERSIBLE="YES", BLOCKXSIZE=TILE, BLOCKYSIZE=TILE, **PLACE,
    ) as target:  # fmt: skip
        target.write(band, 1)


def _ground(top: int, left: int, height: int, width: int) -> np.ndarray:
    """Return fields with edges and some noise: (4, height, width), uint16."""
    random = np.random.default_rng((top, left))
    rows, columns = np.mgrid[top : top + height, left : left + width]
    fields = (rows // 37 * 7919 + columns // 53 * 104_729) % 997 / 997
    waves = np.sin(rows / 91) * np.cos(columns / 57) + np.sin((rows + columns) / 11) / 4
    bands = [
        level * (0.7 + 0.5 * fields) + 150 * waves + random.normal(0, 20, (height, width))
        for level in BANDS.values()
    ]
    return np.clip(np.stack(bands), 1, 65_535).astype("uint16")


def _metadata() -> str:
    offsets = "".join(f'<BOA_ADD_OFFSET band_id="{n}">-1000</BOA_ADD_OFFSET>' for n in range(13))
    return f"""<?xml version="1.0"?><Level-2A_User_Product><General_Info><Product_Info>
<PRODUCT_URI>{NAME}.SAFE</PRODUCT_URI><PROCESSING_BASELINE>05.11</PROCESSING_BASELINE>
</Product_Info><Product_Image_Characteristics><QUANTIFICATION_VALUES_LIST>
<BOA_QUANTIFICATION_VALUE>10000</BOA_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>
<BOA_ADD_OFFSET_VALUES_LIST>{offsets}</BOA_ADD_OFFSET_VALUES_LIST>
</Product_Image_Characteristics></General_Info></Level-2A_User_Product>"""


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
