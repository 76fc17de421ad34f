"""What every process of the tests of sharded trainings does: all cases in one launch.

Processes import it, so it is a module of its own.
"""

import torch
from of_ranks import DESCENT
from tiny_training import tiny_data, tiny_model, tiny_parameters
from torch import distributed

from sen2naip_sr.training import Trainer
from sen2naip_sr.training.holding.shards import own
from sen2naip_sr.training.launch import make_fabric

STEPS, HALF = 6, 3
ADAM = {"optimizer": {"path": "torch.optim.Adam", "arguments": {"betas": [0.9, 0.99]}}}
ADAMW = {"optimizer": {"path": "torch.optim.AdamW", "arguments": {"weight_decay": 0.1}}}
SINGLE = {"precision": "32-true"}
CASES = {
    "lean 32": ("lean", {}, SINGLE),
    "carn 32": ("carn", {}, SINGLE),
    "carn_m 32": ("carn_m", {}, SINGLE),
    "unet 32": ("unet", {"normalisation": "none"}, SINGLE),
    "group": ("unet", {"normalisation": "group"}, {}),
    "uneven": ("carn", {}, {"batch_size": 7}),
    "accumulated": ("carn", {}, {"distributed": {"accumulation": 3}}),
    "clipped": ("lean", {}, {"clip_norm": 0.01}),
    "adam": ("carn", {}, ADAM | {"learning_rate": 0.002}),
    "adamw": ("carn", {}, ADAMW | {"learning_rate": 0.002}),
    # the second process has no part of weights with one row
    "thin": ("lean", {"channels": 1}, ADAMW | {"learning_rate": 0.002}),
}
"""Network, its size, and changes of the parameters by case; in float64 unless they say so."""
RESUMED = "adamw"
MIXED = ("carn", {}, {"precision": "bf16-mixed"})
BATCH = ("unet", {"normalisation": "batch"}, {})


def started(case, strategy=None):
    """Return the trainer of a case in one process, or in two."""
    name, size, changes = case
    parameters = tiny_parameters(**DESCENT | {"steps": STEPS, "log_every": 3} | changes)
    distributed = parameters.distributed.model_copy(update={"strategy": strategy, "processes": 2})
    fabric = make_fabric("cpu", parameters.precision, distributed if strategy else None)
    model = tiny_model(name, **size)
    return Trainer(model, tiny_data(chips=14, train=6), parameters, fabric)


def finished(trainer):
    """Return what a trainer comes to at the last step."""
    trainer.take_steps(STEPS - trainer.state.step)
    psnr = trainer.validate()
    return {
        "weights": trainer.get_weights(),
        "average": dict(trainer.state.best["state"]),
        "history": trainer.state.history,
        "psnr": psnr,
    }


def parts_of(trainer):
    """Return how many numbers this process holds of weights, averages and moments, and in all."""
    moments = [
        value
        for state in trainer.state.parts["optimizer"]._optimizer.state.values()
        for name, value in state.items()
        if name != "step"
    ]
    held = trainer._held
    kinds = {
        "weights": list(held.model.parameters()),
        "averages": list(held.ema.module.parameters()),
        "moments": moments,
    }
    return {
        kind: (sum(own(t).numel() for t in tensors), sum(t.numel() for t in tensors))
        for kind, tensors in kinds.items()
    }


def train_all(fabric, voice, folder):
    """Train every case, and keep what each rank came to."""
    found = {name: finished(started(case, "fsdp")) for name, case in CASES.items()}
    found["mixed"] = finished(started(MIXED, "fsdp"))
    found["batch"] = finished(started(BATCH, "fsdp"))
    found["batch, replicated"] = finished(started(BATCH, "ddp"))

    trainer = started(CASES[RESUMED], "fsdp")
    trainer.take_steps(HALF)
    found["parts"] = parts_of(trainer)
    weight = next(trainer._held.model.parameters())
    found["limited"] = weight.device_mesh.get_group() is distributed.group.WORLD
    saved = trainer.checkpoint({}, 0.0)
    torch.save(saved, folder / f"checkpoint_{fabric.global_rank}.pt")
    fabric.barrier()
    for name in ("checkpoint_0", "alone"):
        trainer = started(CASES[RESUMED], "fsdp")
        trainer.state.restore(torch.load(folder / f"{name}.pt", weights_only=True))
        found[f"from {name}"] = finished(trainer)
    trainer = started(CASES[RESUMED], "ddp")
    trainer.state.restore(torch.load(folder / "checkpoint_0.pt", weights_only=True))
    found["replicated from checkpoint_0"] = finished(trainer)

    trainer = started(CASES[RESUMED], "fsdp")
    trainer.set_weights(found[RESUMED]["weights"])
    found["given"] = trainer.get_weights()
    torch.save(found, folder / f"{fabric.global_rank}.pt")
