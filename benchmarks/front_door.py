"""How long the first upscaling from Python takes, each time in a new process."""

import subprocess
import sys
from statistics import median

ROUNDS = 3
CODE = """
from time import perf_counter
start = perf_counter()
import sen2naip_sr as sr
imported = perf_counter()
import numpy as np
array = np.random.default_rng(0).integers(0, 256, (4, 256, 256), dtype=np.uint8)
sr.upscale(array, device="cpu")
print(imported - start, perf_counter() - start)
"""


def measure() -> dict[str, float]:
    """Return median seconds of the import, and until the first array is upscaled."""
    times = []
    for _ in range(ROUNDS):
        command = [sys.executable, "-W", "ignore", "-c", CODE]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        times.append([float(seconds) for seconds in done.stdout.split()])
    imported, upscaled = (median(column) for column in zip(*times, strict=True))
    return {"import_s": round(imported, 3), "first_upscale_s": round(upscaled, 2)}
