"""Count what damaged and hostile inputs do: tracebacks, hangs, memory, connections, files left.

python -m benchmarks.hostile --rasters 2000 --weights 100
"""

import argparse
import json
import multiprocessing
import shutil
import socket
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from benchmarks.hostile import inputs
from benchmarks.hostile.acts import work

LONGEST = 10.0
"""Seconds that one input may take."""

LARGEST = 2000.0
"""MB of memory."""


class Listener:
    """Counts connections to an address on this machine; it never answers."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            self.connections += 1
            connection.close()


class Worker:
    """A process that handles inputs; it is ended and replaced when it hangs or dies."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=work, args=(other,), daemon=True)
        self.process.start()
        other.close()
        self.peak = 0.0
        self.pipe.recv()

    def handle(self, kind: str, folder: Path, acts: int) -> list[tuple[str, str]]:
        """Return the outcome of every act with an input."""
        self.pipe.send((kind, folder))
        outcomes = []
        for _ in range(acts):
            began = time.perf_counter()
            while not self.pipe.poll(0.02):
                self._watch()
                if time.perf_counter() - began > LONGEST or not self.process.is_alive():
                    state = "hang" if self.process.is_alive() else "crash"
                    self.process.kill()
                    self.process.join()
                    return [*outcomes, (state, f"exit code {self.process.exitcode}")]
            self._watch()
            try:
                outcomes.append(self.pipe.recv())
            except (EOFError, OSError):
                self.process.join()
                return [*outcomes, ("crash", f"exit code {self.process.exitcode}")]
        return outcomes

    def _watch(self) -> None:
        try:
            self.peak = max(self.peak, psutil.Process(self.process.pid).memory_info().rss / 1e6)
        except psutil.Error:
            pass


def left_over(folder: Path) -> list[str]:
    """Return what lies in the folder of results and is neither a result nor a store."""
    if not folder.exists():
        return []
    return [p.name for p in folder.iterdir() if p.name not in ("result.tif", "store")]


def measure(rasters: int, weights: int, folder: Path) -> dict[str, Any]:
    """Return the counts, and the text of everything that should not have happened."""
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    listener, worker = Listener(), Worker()
    tasks: list[tuple[str, str, Callable[[Path], None]]] = []
    for seed in range(rasters):
        tasks.append(("mutated", str(seed), lambda f, s=seed: inputs.mutated(f, s, scratch)))
    for name, make in inputs.hostile(scratch):
        tasks.append(("hostile", name, lambda f, m=make: m(f, listener.address)))
    for seed in range(weights):
        tasks.append(
            ("weights", str(seed), lambda f, s=seed: inputs.damaged_weights(f / "w.safetensors", s))
        )
    counts: dict[str, Counter[str]] = {}
    bad, slowest, peak = [], 0.0, 0.0
    for kind, name, make in tasks:
        case = folder / "case"
        shutil.rmtree(case, ignore_errors=True)
        (case / "in").mkdir(parents=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            make(case / "in")
        before = sorted(p.name for p in (case / "in").rglob("*"))
        began = time.perf_counter()
        outcomes = worker.handle(kind, case / "in", 1 if kind == "weights" else 2)
        slowest, peak = max(slowest, time.perf_counter() - began), max(peak, worker.peak)
        counts.setdefault(kind, Counter()).update(["inputs", *(state for state, _ in outcomes)])
        bad += [[kind, name, *outcome] for outcome in outcomes if outcome[0] in BAD]
        left = left_over(case / "out")
        left += sorted({p.name for p in (case / "in").rglob("*")} - set(before))
        if left:
            bad.append([kind, name, "files left", ", ".join(left)])
        if worker.peak > LARGEST:
            bad.append([kind, name, "memory", f"{worker.peak:.0f} MB"])
            worker.process.kill()
        if not worker.process.is_alive() or worker.peak > LARGEST:
            worker = Worker()
    worker.process.kill()
    return {
        "counts": {kind: dict(found) for kind, found in counts.items()},
        "connections": listener.connections,
        "slowest_seconds": round(slowest, 2),
        "peak_mb": round(peak),
        "bad": bad,
    }


BAD = ("traceback", "hang", "crash")


def main() -> None:
    """Print the counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rasters", type=int, default=2000)
    parser.add_argument("--weights", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(given.rasters, given.weights, Path(folder)), indent=1))


if __name__ == "__main__":
    main()
