"""What an installation costs: seconds and megabytes, for upscaling alone and for everything.

Run it by itself: ``python benchmarks/install.py``. It needs a package index.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTRAS = ("", "[kedro]")
UPSCALE = """
import numpy, rasterio
with rasterio.open("scene.tif", "w", driver="GTiff", count=4, height=64, width=64,
                   dtype="uint8") as scene:
    scene.write(numpy.random.default_rng(0).integers(0, 255, (4, 64, 64), "uint8"))
"""


def measure(extras: str) -> dict[str, float]:
    """Install into an empty environment, upscale a scene there, and return seconds and MB.

    Args:
        extras: For instance ``[kedro]``; empty for none.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "environment"
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        before = _megabytes(environment)
        start = time.perf_counter()
        # the versions of the lock, so that figures can be compared
        pip = [environment / "bin/pip", "install", "--quiet", "--no-cache-dir"]
        pip += ["--constraint", ROOT / "requirements.lock", f"{ROOT}{extras}"]
        subprocess.run(pip, check=True)
        seconds = time.perf_counter() - start
        subprocess.run([environment / "bin/python", "-c", UPSCALE], cwd=folder, check=True)
        subprocess.run(
            [environment / "bin/sen2naip-sr", "upscale", "scene.tif"], cwd=folder, check=True
        )
        packages = subprocess.run(
            [environment / "bin/pip", "list", "--format=freeze"],
            capture_output=True,
            text=True,
            check=True,
        )
        return {
            "seconds": round(seconds, 1),
            "megabytes": round(_megabytes(environment) - before),
            "packages": len(packages.stdout.splitlines()),
        }


def _megabytes(folder: Path) -> float:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) / 1e6


if __name__ == "__main__":
    for extras in EXTRAS:
        print(f"pip install .{extras}: {measure(extras)}", flush=True)
