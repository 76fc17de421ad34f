"""Kill processes of a training at random, and what started them; look at what becomes of it.

python -m benchmarks.kills.distributed --kills 20

Each training begins in two processes. A rank, or the process that launched the ranks, is killed at
a random moment. A killed rank has to end the training with an error that names it, within 30 s; no
process may be left; and the training that is started again, in two processes or in one, has to come
to the weights of an undisturbed one.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import safetensors.torch

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.store import require_store, write_store
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.distributed import train_network
from sen2naip_sr.training.distributed.relay import PREFIX
from sen2naip_sr.training.parameters import NetworkParameters

LIMIT = 30.0
"""Seconds within which a training has to end after one of its processes was killed."""
LONGEST = 300.0
STEPS = 120
TRAINING = {
    "steps": STEPS,
    "keep": "last",
    "batch_size": 4,
    "crop_size": 8,
    "learning_rate": 0.05,
    "schedule": {"name": "constant", "warmup_steps": 0},
    "optimizer": {"path": "torch.optim.SGD", "arguments": {"momentum": 0.9}},
    "validate_every": 40,
    "checkpoint_every": 10,
    "log_every": 1,
    "accelerator": "cpu",
    "precision": "32-true",
}


def make_chips(folder: Path) -> None:
    """Write chips of noise, their LR and a split."""
    draw = np.random.default_rng(0)
    with write_store(folder / "hr", "made", (4, 32, 32), np.dtype("uint8")) as writer:
        for _ in range(6):
            coarse = draw.integers(20, 230, (4, 8, 8))
            writer.append(np.kron(coarse, np.ones((1, 4, 4))).astype(np.uint8))
        writer.content = "content"
        names = [f"band {number}" for number in range(1, 5)]
        writer.attributes = {"value_range": [0.0, 255.0], "synthetic": True, "bands": names}
    Downscaling(require_store(folder / "hr"), "area").make(folder / "lr")
    split = ["train"] * 4 + ["validation", "test"]
    table = pd.DataFrame({"chip": range(6), "place": list("aabbcd"), "split": split, "fold": 0})
    table.to_parquet(folder / "splits.parquet")


def train(folder: Path, strategy: str, processes: int) -> None:
    """Train in this process or in two, and write the weights."""

    def report(metrics: dict[str, float], step: int) -> None:
        (folder / "step").write_text(str(step))

    training = TRAINING | {"distributed": {"processes": processes, "strategy": strategy}}
    parameters = NetworkParameters(
        architecture={"channels": 8, "blocks": 1, "units": 1}, training=training
    )
    try:
        weights, result = train_network(
            require_store(folder / "hr"),
            require_store(folder / "lr"),
            pd.read_parquet(folder / "splits.parquet"),
            parameters,
            architecture="carn",
            checkpoint=folder / "checkpoint.pt",
            report=report,
        )
    except UserError as error:
        print(json.dumps({"code": error.code, "problem": error.problem}), flush=True)
        sys.exit(3)
    safetensors.torch.save_file(weights.state, folder / "weights.safetensors")
    print(json.dumps({"resumed_from": result.resumed_from}), flush=True)


def start(folder: Path, strategy: str, processes: int) -> subprocess.Popen[str]:
    """Start the training in a session of its own."""
    command = [sys.executable, "-m", "benchmarks.kills.distributed", "--train", str(folder)]
    return subprocess.Popen(
        [*command, "--strategy", strategy, "--processes", str(processes)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def ranks_of(folder: Path) -> dict[int, int]:
    """Return the process number of each rank, as they say it at their start."""
    found = {}
    for path in folder.glob(f".launch-*/{PREFIX}*.jsonl"):
        kind, number = json.loads(path.read_text().splitlines()[0])
        assert kind == "pid"
        if psutil.pid_exists(number):
            found[int(path.stem.removeprefix(PREFIX))] = number
    return found


def members(session: int) -> list[int]:
    """Return the processes of a session that run."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (ProcessLookupError, psutil.Error):
            continue
    return found


def disturb(
    folder: Path, strategy: str, draw: random.Random, counts: Counter[str], bad: list[str]
) -> float:
    """Kill one process of a training, and return the seconds until all of it had ended."""
    (folder / "step").unlink(missing_ok=True)
    process = start(folder, strategy, 2)
    session, begun = process.pid, time.monotonic()
    while not (folder / "step").exists() and process.poll() is None:
        time.sleep(0.05)
    # some kills before the first step, most within the training
    until = draw.randrange(STEPS) if draw.random() < 0.8 else 0
    while process.poll() is None and int((folder / "step").read_text() or 0) < until:
        time.sleep(0.01)
    ranks = ranks_of(folder)
    rank = draw.choice([None, *ranks])
    name = "launcher" if rank is None else f"rank {rank}"
    ended = process.poll() is not None
    if not ended:
        os.kill(process.pid if rank is None else ranks[rank], signal.SIGKILL)
    killed = time.monotonic()
    counts["ended before its kill" if ended else f"kills of {name}"] += 1
    while (left := members(session)) and time.monotonic() - killed < LONGEST:
        process.poll()
        time.sleep(0.05)
    took = time.monotonic() - killed
    if left:
        bad.append(f"{name}: processes left: {left}")
        for number in left:
            os.kill(number, signal.SIGKILL)
    said = process.communicate()[0].strip()
    if not ended and rank is not None:
        # a kill in the last moments of a training that has its result may go unnoticed
        finished = (folder / "weights.safetensors").exists()
        if not finished and f"process {rank} of 2" not in said:
            bad.append(f"{name}: said {said or 'nothing'} {killed - begun:.1f} s after its start")
        if took > LIMIT:
            bad.append(f"{name}: ended after {took:.1f} s")
    return took


def measure(kills: int, seed: int, strategy: str, scratch: Path) -> dict[str, Any]:
    """Return the counts, the longest end, and all that should not be."""
    draw, counts, bad = random.Random(seed), Counter[str](), list[str]()
    folder = scratch / "case"
    folder.mkdir()
    make_chips(folder)
    assert start(folder, strategy, 2).wait() == 0
    expected = safetensors.torch.load_file(folder / "weights.safetensors")
    longest = furthest = 0.0
    for _ in range(kills):
        for name in ("weights.safetensors", "checkpoint.pt"):
            (folder / name).unlink(missing_ok=True)
        longest = max(longest, disturb(folder, strategy, draw, counts, bad))
        processes = draw.choice([1, 2])
        again = start(folder, strategy, processes)
        said = json.loads(again.communicate()[0] or "{}")
        if again.returncode:
            bad.append(f"does not end when started again: {said}")
            continue
        counts[f"resumed in {processes}"] += said["resumed_from"] is not None
        found = safetensors.torch.load_file(folder / "weights.safetensors")
        apart = max(float((found[n] - t).abs().max()) for n, t in expected.items())
        furthest = max(furthest, apart)
        if apart > (1e-6 if processes == 1 else 0):
            bad.append(f"other weights after it resumed in {processes}: {apart:g}")
        if files := [path.name for path in folder.iterdir() if path.name.startswith(".")]:
            bad.append(f"files left: {files}")
        print(dict(counts), f"{longest:.1f} s", bad, file=sys.stderr, flush=True)
    return {
        "counts": dict(counts),
        "longest_end_s": round(longest, 1),
        "largest_difference": furthest,
        "bad": bad,
    }


def main() -> None:
    """Print the counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--strategy", default="ddp", help="ddp or fsdp")
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--processes", type=int, default=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.train:
        train(given.train, given.strategy, given.processes)
        return
    with tempfile.TemporaryDirectory() as folder:
        found = measure(given.kills, given.seed, given.strategy, Path(folder))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
