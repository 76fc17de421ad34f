"""The server under load against the command line, its start and its memory."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np
import scene_tables
from clients import TIFF, TIMEOUT, apply_load, make_scenes
from server import Server

CLIENTS = 50
SECONDS = 60
SCENES, SIDE = 8, 512
LARGE_SIDE = 2048
BATCHES = 2
"""Copies of the scenes that the command line upscales before and after the load."""
STARTS = 5
LONG_SECONDS = 600
MINUTE = 60


def measure_start() -> dict[str, Any]:
    """Return seconds from the start of the process until the server is ready, and idle memory."""
    ready, idle = [], []
    for _ in range(STARTS):
        with Server() as server:
            ready.append(server.ready_s)
            time.sleep(1)
            idle.append(server.resident_mb())
    return {
        "ready_s": round(median(ready), 2),
        "slowest_ready_s": round(max(ready), 2),
        "idle_mb": round(median(idle)),
    }


def measure_load() -> dict[str, Any]:
    """Return what many clients at once get, and how fast the command line is meanwhile.

    The command line upscales the same scenes in one process before and after the load; its rate
    is that from its first result to its last, so that its start does not count. On a busy machine,
    compare the processor time of a scene.
    """
    with tempfile.TemporaryDirectory() as scratch:
        scenes = make_scenes(Path(scratch, "scenes"), SCENES, SIDE)
        bodies = [path.read_bytes() for path in scenes]
        before = _batch_rate(Path(scratch, "scenes"), Path(scratch, "before"))
        with Server() as server:
            apply_load(server.address, bodies, 1, 3)
            began = server.processor_s()
            load = apply_load(server.address, bodies, CLIENTS, SECONDS)
            used = server.processor_s() - began
        after = _batch_rate(Path(scratch, "scenes"), Path(scratch, "after"))
    rate, batch = len(load.answered) / load.seconds, (before[0] + after[0]) / 2
    processor, of_batch = used / len(load.answered), (before[1] + after[1]) / 2
    accepted, whole = np.array(load.answered).T
    return {
        "clients": CLIENTS,
        "seconds": round(load.seconds, 1),
        "side": SIDE,
        "answered": len(load.answered),
        "turned_away": load.turned_away,
        "failures": len(load.failures),
        "first_failures": load.failures[:5],
        "scenes_per_s": round(rate, 3),
        "command_line_scenes_per_s": [round(before[0], 3), round(after[0], 3)],
        "ratio": round(rate / batch, 3),
        "processor_s_a_scene": round(processor, 2),
        "command_line_processor_s_a_scene": round(of_batch, 2),
        "processor_ratio": round(of_batch / processor, 3),
        "accepted_p50_s": round(float(np.quantile(accepted, 0.5)), 2),
        "accepted_p95_s": round(float(np.quantile(accepted, 0.95)), 2),
        "with_repeats_p95_s": round(float(np.quantile(whole, 0.95)), 2),
    }


def measure_memory() -> dict[str, Any]:
    """Return resident memory before, during and after a large scene."""
    with tempfile.TemporaryDirectory() as scratch, Server() as server:
        (scene,) = make_scenes(Path(scratch), 1, LARGE_SIDE)
        idle = server.resident_mb()
        with server.watched(0.05) as samples:
            began = time.perf_counter()
            answer = httpx.post(
                f"{server.address}/v1/upscale",
                content=scene.read_bytes(),
                headers=TIFF,
                timeout=TIMEOUT,
                trust_env=False,
            )
            seconds = time.perf_counter() - began
        answer.raise_for_status()
        return {
            "side": LARGE_SIDE,
            "seconds": round(seconds, 2),
            "idle_mb": round(idle),
            "peak_mb": round(max(mb for _, mb in samples)),
            "afterwards_mb": round(server.resident_mb()),
        }


def measure_growth(seconds: float = LONG_SECONDS) -> dict[str, Any]:
    """Return how much the resident memory grows under load, from the second minute to the last."""
    with tempfile.TemporaryDirectory() as scratch, Server() as server:
        scenes = make_scenes(Path(scratch), SCENES, SIDE)
        bodies = [path.read_bytes() for path in scenes]
        with server.watched() as samples:
            load = apply_load(server.address, bodies, CLIENTS, seconds)
    early = [mb for at, mb in samples if MINUTE <= at < 2 * MINUTE]
    late = [mb for at, mb in samples if seconds - MINUTE <= at < seconds]
    return {
        "seconds": round(load.seconds),
        "answered": len(load.answered),
        "failures": len(load.failures),
        "second_minute_mb": round(median(early)),
        "last_minute_mb": round(median(late)),
        "largest_mb": round(max(mb for _, mb in samples)),
        "growth_percent": round(100 * (median(late) / median(early) - 1), 2),
    }


def _batch_rate(source: Path, target: Path) -> tuple[float, float]:
    """Return scenes a second and processor seconds a scene of the command line, in a process."""
    command = [sys.executable, __file__, str(source), str(target), str(BATCHES)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate, processor = map(float, printed.split()[-2:])
    return rate, processor


def _upscale(source: Path, target: Path, batches: int) -> tuple[float, float]:
    from sen2naip_sr.upscaling.batch import upscale_all
    from sen2naip_sr.upscaling.parameters import UpscalingParameters

    count, spans = 0, []
    for number in range(batches):
        parameters = UpscalingParameters(source=str(source), output=target / str(number))
        ends: list[tuple[float, float]] = []
        outcomes = upscale_all(
            parameters,
            lambda _, ends=ends: ends.append((time.perf_counter(), time.process_time())),
        )
        assert all(outcome.state == "done" for outcome in outcomes), outcomes
        # lines: the network, one for each scene, a summary
        spans.append(np.subtract(ends[-2], ends[1]))
        count += len(outcomes) - 1
    seconds, processor = np.sum(spans, axis=0)
    return count / seconds, processor / count


def table(results: dict[str, Any]) -> str:
    """Return the measurements against what is required."""
    start, load = results["serving_start"], results["serving_load"]
    memory, growth = results["serving_memory"], results["serving_growth"]
    rows = [
        ("start until ready, median", f"{start['ready_s']} s", "10 s"),
        ("resident memory, idle", f"{start['idle_mb']} MB", ""),
        (
            f"resident memory for a scene of {memory['side']:,} x {memory['side']:,}, peak",
            f"{memory['peak_mb']} MB",
            "",
        ),
        (
            f"{load['clients']} clients, {load['seconds']:.0f} s, scenes of {load['side']} x "
            f"{load['side']}: failures, except 429",
            f"{load['failures']} of {load['answered'] + load['turned_away']:,} requests",
            "0",
        ),
        ("- scenes a second", f"{load['scenes_per_s']}", ""),
        (
            "- against the command line; by processor time",
            f"{load['ratio']:.0%}; {load['processor_ratio']:.0%}",
            "at least 90 %",
        ),
        (
            "- 50 % and 95 % of the accepted requests within",
            f"{load['accepted_p50_s']} s, {load['accepted_p95_s']} s",
            "",
        ),
        ("- 95 % of the scenes within, repeats included", f"{load['with_repeats_p95_s']} s", ""),
        (
            f"growth of resident memory in {growth['seconds'] / MINUTE:.0f} minutes of such load",
            f"{growth['growth_percent']:+.1f} %",
            "under 5 %",
        ),
    ]
    return scene_tables.table(["what", "measured", "bound"], rows)


if __name__ == "__main__":
    print(*_upscale(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
