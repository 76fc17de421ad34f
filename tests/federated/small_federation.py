"""Sites that train in a moment, and a process of federated training that can be killed."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tiny_training import BANDS, SIZES, tiny_data, tiny_parameters

from sen2naip_sr.federated.local import build
from sen2naip_sr.federated.parameters import FederationParameters
from sen2naip_sr.federated.sites import Site
from sen2naip_sr.federated.task import Task

CHIPS = {"a": [0, 1], "b": [2, 3], "c": [4, 5]}
DESCENT = {
    "optimizer": {"path": "torch.optim.SGD", "arguments": {}},
    "schedule": {"name": "constant", "warmup_steps": 0},
    "learning_rate": 0.5,
    "clip_norm": 1e9,
}


def make_sites(chips=None, folder=None, **changes):
    data = replace(tiny_data(), **changes)
    return [
        Site(
            name,
            replace(data, train=np.array(own)),
            "area@1",
            folder=folder and folder / name,
            accelerator="cpu",
        )
        for name, own in (chips or CHIPS).items()
    ]


def make_task(local_steps=2, rounds=4, keep_optimizer=False, weighting="chips", **training):
    training = {"steps": rounds * local_steps, "validation_chips": 1} | training
    return Task(
        architecture="lean",
        architecture_parameters=SIZES["lean"],
        bands=BANDS,
        recipe="area@1",
        value_range=(0, 255),
        training=tiny_parameters(**training),
        local_steps=local_steps,
        keep_optimizer=keep_optimizer,
        weighting=weighting,
    )


def start_of(task):
    return build(task).state_dict()


def make_federation(strategy="FedAvg", arguments=None, **changes):
    given = {"rounds": 4, "local_steps": 2, "evaluate_every": 4} | changes
    return FederationParameters(strategy={"name": strategy, "arguments": arguments or {}}, **given)


def run(sites=None, task=None, parameters=None, start=None, **options):
    from sen2naip_sr.federated.server import federate

    task = task or make_task()
    start = start or start_of(task)
    return federate(sites or make_sites(), task, start, parameters or make_federation(), **options)


def equal(found, expected):
    return found.keys() == expected.keys() and all(
        torch.equal(found[name], tensor) for name, tensor in expected.items()
    )


def killed_after(rounds):
    """Return a report that kills the process, as the round's weights are not saved yet."""

    def report(this, weights):
        if this.number > rounds:
            os.kill(os.getpid(), signal.SIGKILL)

    return report


def main(folder, strategy, rounds):
    torch.set_num_threads(1)
    run(
        make_sites(folder=folder / "sites"),
        make_task(keep_optimizer=True),
        make_federation(strategy, keep_optimizer=True),
        checkpoint=folder / "state",
        report=killed_after(rounds),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
