"""Time of commands that have nothing to do."""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROUNDS = 3


def measure(root: Path) -> dict[str, float]:
    """Return median seconds of `kedro registry list` and of an up-to-date `preprocess`."""
    kedro = Path(sys.executable).with_name("kedro")
    preprocess = [kedro, "run", "--pipelines=preprocess"]
    subprocess.run(preprocess, cwd=root, check=True)
    return {
        "registry_list_s": _median_seconds([kedro, "registry", "list"], root),
        "preprocess_again_s": _median_seconds(preprocess, root),
    }


def _median_seconds(command: list[Path | str], root: Path) -> float:
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run(command, cwd=root, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return round(median(seconds), 2)
