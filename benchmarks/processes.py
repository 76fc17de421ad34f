"""A training in two processes against one: time, bytes exchanged, launch; and two agents that meet.

python benchmarks/run.py --only distributed              # measure, and write the tables of the docs
python benchmarks/processes.py --steps 6 --learnt 16     # a trial, which prints its tables

The page carries step time and gradient size over to many workers by the formula of `ring_seconds`.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from scipy.ndimage import gaussian_filter

from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.training.crops.sampler import TrainingData
from sen2naip_sr.training.distributed.launcher import launch
from sen2naip_sr.training.distributed.relay import Voice
from sen2naip_sr.training.launch import make_fabric
from sen2naip_sr.training.parameters import TrainingParameters
from sen2naip_sr.training.trainer import Trainer

BATCH, CROP, STEPS, WARM = 8, 32, 24, 4
"""Crops a process in weak scaling, and of all in strong scaling; LR pixels; steps; left out."""
NETWORKS = {"lean": {"channels": 32}, "carn": {"channels": 32}}
LINKS = {"10 Gbit/s": (10e9 / 8, 50e-6), "NVLink 4": (450e9, 5e-6)}
"""Bytes a second each way, and seconds of latency of one message, as the vendors state them."""
WORKERS = (8, 64, 512)
LEARNT, EVERY = 200, 8
"""Steps of the comparison of gradients with averages, and steps between averages."""


def ring_seconds(size: float, workers: int, bandwidth: float, latency: float) -> float:
    """Return the time of one ring all-reduce.

    Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms for clusters of
    workstations", doi:10.1016/j.jpdc.2008.09.002: 2 (n - 1) messages of 1/n of the data each.

    Args:
        size: Bytes of the gradient.
        workers: Number of workers, n.
        bandwidth: Bytes a second that a worker sends while it receives as many.
        latency: Seconds of a message.
    """
    return 2 * (workers - 1) * (size / workers / bandwidth + latency)


def measure(steps: int = STEPS, learnt: int = LEARNT) -> dict[str, Any]:
    """Measure weak and strong scaling of each network, the launch, and two agents.

    Args:
        steps: Steps whose median time counts, with `WARM` that do not.
        learnt: Steps of the comparison of gradients with averages.
    """
    torch.set_num_threads(1)
    found: dict[str, Any] = {"cores": os.cpu_count(), "networks": {}}
    pair = _two(measure_ranks, 2 * BATCH, steps, learnt)
    found["launch_s"] = round(pair.pop("ready_s"), 1)
    found["averaging"] = pair.pop("averaging")
    for name in NETWORKS:
        one = step_seconds(name, make_fabric("cpu", "32-true"), BATCH, steps)
        torch.set_num_threads(2)
        threads = step_seconds(name, make_fabric("cpu", "32-true"), BATCH, steps)
        torch.set_num_threads(1)
        weak, strong = pair[name]["weak_s"], pair[name]["strong_s"]
        size = pair[name]["gradient_bytes"]
        found["networks"][name] = {
            "one_s": one,
            "two_threads_s": threads,
            "weak_s": weak,
            "strong_s": strong,
            "weak_efficiency": round(one / weak, 2),
            "strong_speedup": round(one / strong, 2),
            "against_two_threads": round(threads / strong, 2),
            "gradient_bytes": size,
            # two ranks: each sends 2 (n - 1) / n of the gradient
            "sent_bytes_a_step": size,
            "calculated": carried_over(one, size),
        }
    found["two_agents"] = two_agents()
    return found


def carried_over(step: float, size: int) -> dict[str, dict[str, float]]:
    """Return the calculated efficiency of weak scaling, nothing overlapping, by link and workers.

    ``step`` is the measured time of a step of one worker.
    """
    return {
        link: {
            str(count): round(step / (step + ring_seconds(size, count, *speed)), 3)
            for count in WORKERS
        }
        for link, speed in LINKS.items()
    }


def step_seconds(name: str, fabric: Fabric, batch: int, steps: int) -> float:
    """Return the median time of a step."""
    torch.manual_seed(0)
    parameters = TrainingParameters(
        steps=steps, batch_size=batch, crop_size=CROP, log_every=10**6, precision="32-true"
    )
    trainer = Trainer(build_model(name, 4, **NETWORKS[name]), _data(), parameters, fabric)
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        trainer.train_step(0.0)
        times.append(time.perf_counter() - start)
    return round(statistics.median(times[WARM:]), 4)


def measure_ranks(  # noqa: PLR0913, PLR0917 - what a task is handed
    fabric: Fabric, voice: Voice, target: Path, began: float, steps: int, learnt: int
) -> None:
    """Measure, in one of two processes, and write what rank zero finds."""
    found: dict[str, Any] = {"ready_s": time.time() - began}
    for name, sizes in NETWORKS.items():
        weights = build_model(name, 4, **sizes).parameters()
        found[name] = {
            "weak_s": step_seconds(name, fabric, 2 * BATCH, steps),
            "strong_s": step_seconds(name, fabric, BATCH, steps),
            "gradient_bytes": sum(weight.numel() * weight.element_size() for weight in weights),
        }
    found["averaging"] = {
        "gradients": averaged(fabric, None, learnt),
        f"weights, every {EVERY} steps": averaged(
            fabric, {"start_step": WARM, "every": EVERY}, learnt
        ),
    }
    if fabric.is_global_zero:
        target.write_text(json.dumps(found))


def averaged(fabric: Fabric, averaging: dict[str, int] | None, learnt: int) -> dict[str, float]:
    """Train Lean, by gradients or averages; return step time, score, and bytes sent a step."""
    torch.manual_seed(0)
    parameters = TrainingParameters(
        steps=learnt,
        batch_size=BATCH,
        crop_size=16,
        log_every=10**6,
        precision="32-true",
        distributed={"processes": 2, "averaging": averaging},
    )
    model = build_model("lean", 4, **NETWORKS["lean"])
    size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    trainer = Trainer(model, _data(), parameters, fabric)
    start = time.perf_counter()
    trainer.take_steps(learnt)
    seconds = time.perf_counter() - start
    # weights, their average, and two moments of Adam
    sent = size if averaging is None else 4 * size / EVERY
    return {"step_s": seconds / learnt, "psnr": trainer.validate(), "sent_bytes": sent}


def _two(task: Any, batch: int, *arguments: int) -> dict[str, Any]:
    parameters = TrainingParameters(
        steps=1,
        batch_size=batch,
        accelerator="cpu",
        precision="32-true",
        distributed={"processes": 2},
    )
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "found.json")
        began = time.time()
        launch(
            task,
            lambda made: ((target, began, *arguments), lambda: None),
            parameters,
            Path(folder),
            lambda kind, content: None,
        )
        return json.loads(target.read_text())


def _data() -> TrainingData:
    noise = np.random.default_rng(0).normal(size=(8, 4, 128, 128))
    smooth = gaussian_filter(noise, (0, 0, 1.2, 1.2))
    hr = (128 + 45 * smooth / smooth.std()).clip(0, 255).round().astype(np.uint8)
    lr = hr.reshape(8, 4, 64, 2, 64, 2).mean(axis=(3, 5)).round().astype(np.uint8)
    return TrainingData(
        ShardedArray.from_array(hr),
        ShardedArray.from_array(lr),
        np.arange(6),
        np.arange(6, 8),
        (0, 255),
        get_recipe("area"),
    )


def two_agents() -> dict[str, Any]:
    """Train on two machines that are one: two launchers meet over loopback, a process each.

    Then one waits for another that does not come.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--agent", str(port), folder]
        agents = [subprocess.Popen([*command, "60"], stdout=subprocess.PIPE) for _ in range(2)]
        said = [json.loads(agent.communicate()[0]) for agent in agents]
        began = time.monotonic()
        alone = subprocess.run([*command, "10"], stdout=subprocess.PIPE, check=True)
        took = time.monotonic() - began
    return {
        "losses_equal": said[0] == said[1],
        "losses": said[0],
        "alone": json.loads(alone.stdout),
        "alone_s": round(took, 1),
    }


def agent_task(fabric: Fabric, voice: Voice, target: Path) -> None:
    """Take some steps, and write the losses."""
    torch.manual_seed(0)
    parameters = TrainingParameters(
        steps=6, batch_size=4, crop_size=16, log_every=2, precision="32-true"
    )
    trainer = Trainer(build_model("lean", 4, channels=8, blocks=1), _data(), parameters, fabric)
    losses = [entry["loss"] for entry in trainer.take_steps(6)]
    target.write_text(json.dumps(losses))


def agent(port: int, folder: Path, wait: float) -> None:
    """Be the launcher of one machine, and print what came of it."""
    from sen2naip_sr.errors import UserError

    own = folder / str(os.getpid())
    parameters = TrainingParameters(
        steps=6,
        batch_size=4,
        accelerator="cpu",
        precision="32-true",
        distributed={
            "nodes": 2,
            "endpoint": f"127.0.0.1:{port}",
            "address": "127.0.0.1",
            "join_timeout": wait,
            "timeout": 60,
        },
    )
    target = own / "losses.json"
    try:
        launch(
            agent_task,
            lambda made: ((target,), lambda: None),
            parameters,
            own,
            lambda kind, content: None,
        )
    except UserError as error:
        print(json.dumps({"code": error.code, "problem": error.problem}))
        return
    print(target.read_text())


def main() -> None:
    """Print the tables, or be the launcher of one machine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--learnt", type=int, default=LEARNT)
    parser.add_argument("--agent", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.agent:
        port, folder, wait = given.agent
        agent(int(port), Path(folder), float(wait))
        return
    from processes_tables import averaging, calculated, measured

    found = measure(given.steps, given.learnt)
    for text in (measured(found), averaging(found), calculated(found), found["two_agents"]):
        print(text, end="\n\n")


if __name__ == "__main__":
    main()
