"""How long the first upscaling from Python takes, each time in a new process.

Processor time of one thread is what counts: on an idle machine it is the time that passes, and on
a busy one it is not longer.
"""

import os
import subprocess
import sys
from statistics import median

ROUNDS = 3
CODE = """
from time import perf_counter, process_time
start, began = process_time(), perf_counter()
import sen2naip_sr as sr
imported = process_time()
import numpy as np
array = np.random.default_rng(0).integers(0, 256, (4, 256, 256), dtype=np.uint8)
sr.upscale(array, device="cpu")
print(imported - start, process_time() - start, perf_counter() - began)
"""


def measure() -> dict[str, float]:
    """Return median seconds of the import, and until the first array is upscaled."""
    command = [sys.executable, "-W", "ignore", "-c", CODE]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    times = []
    for _ in range(ROUNDS):
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=one_thread)
        times.append([float(seconds) for seconds in done.stdout.split()])
    imported, upscaled, passed = (median(column) for column in zip(*times, strict=True))
    return {
        "import_s": round(imported, 3),
        "first_upscale_s": round(upscaled, 2),
        "first_upscale_passed_s": round(passed, 2),
    }
