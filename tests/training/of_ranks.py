"""What every process of the tests' trainings does: all cases in one launch, since one takes long.

Processes import it, so it is a module of its own.
"""

import os
import signal
import time

import torch
from tiny_training import GAN, SIZES, tiny_data, tiny_model, tiny_parameters

from sen2naip_sr.training import Trainer
from sen2naip_sr.training.launch import make_fabric

STEPS, FEW = 20, 6
"""Steps of every network in both precisions, and of the other cases."""
PLAIN = {"optimizer": {"path": "torch.optim.SGD", "arguments": {}}}
DESCENT = {
    "optimizer": {"path": "torch.optim.SGD", "arguments": {"momentum": 0.9}},
    "schedule": {"name": "constant", "warmup_steps": 0},
    "learning_rate": 0.02,
    "clip_norm": 1e9,
    "batch_size": 8,
    "log_every": 5,
    "validation_chips": 7,
    "precision": "64-true",
    "steps": STEPS,
}
ADVERSARIAL = {**GAN, "losses": {"l1": 1.0, "adversarial": 0.02}}
WGAN = {"adversarial": {"loss": "wgan_gp", "channels": 4, "discriminator": "patch"}}
TWO = {"losses": {"l1": 1.0, "mse": 3.0}}
AVERAGED = {"processes": 2, "averaging": {"start_step": 2, "every": 1}}
NETWORKS = {name: {} for name in SIZES} | {"gan": ADVERSARIAL}
CASES = {
    **{f"{name} 64": (name, changes) for name, changes in NETWORKS.items()},
    **{
        f"{name} 32": (name, changes | {"precision": "32-true"})
        for name, changes in NETWORKS.items()
    },
    "wgan": ("gan", ADVERSARIAL | WGAN),
    "uneven": ("carn", {"batch_size": 7}),
    "uneven gan": ("gan", ADVERSARIAL | {"batch_size": 7}),
    "balanced": ("carn", TWO | {"balance": "gradient_norm"}),
    "uncertain": ("carn", TWO | {"balance": "uncertainty", "learning_rate": 0.001}),
    "grown": ("carn", {"batch_size": 4, "batch_growth": {"largest": 4, "every": 2}}),
    "accumulated": ("carn", {"distributed": {"accumulation": 3}}),
    "weighted": ("carn", {"detail": {"weighted": True}}),
    # averages after every step of plain descent are steps by the mean gradient
    "averaged": ("carn", PLAIN | {"distributed": AVERAGED}),
    "averaged with momentum": ("carn", {"distributed": AVERAGED}),
}
"""Network and changes of the parameters by case; in float64 unless they say so."""
RESUMED = "gan 64"
"""The case that is resumed by another number of processes."""


def started(case, fabrics):
    """Return the trainer of a case."""
    name, changes = CASES[case]
    parameters = tiny_parameters(**DESCENT | changes)
    model = tiny_model(name, normalisation="none") if name == "unet" else tiny_model(name)
    data = tiny_data(chips=14, train=6)
    return Trainer(model, data, parameters, fabrics[parameters.precision])


def trained(case, fabrics, checkpoint=None):
    """Return what a trainer comes to after some steps, or from a checkpoint to the last one."""
    trainer = started(case, fabrics)
    if checkpoint:
        trainer.state.restore(checkpoint)
    steps = STEPS if case.split()[0] in NETWORKS else FEW
    trainer.take_steps(steps - trainer.state.step)
    psnr = trainer.validate()
    return {
        "weights": trainer.get_weights(),
        "average": dict(trainer.state.best["state"]),
        "history": trainer.state.history,
        "psnr": psnr,
    }


def checkpoint_at(step, fabrics):
    """Return the checkpoint of the case that is resumed."""
    trainer = started(RESUMED, fabrics)
    trainer.take_steps(step)
    return trainer.checkpoint({}, 0.0)


def fabrics(distributed=None):
    """Return a Fabric of every precision."""
    return {p: make_fabric("cpu", p, distributed) for p in ("32-true", "64-true")}


def train_all(fabric, voice, folder):
    """Train every case, and keep what each rank came to."""
    made = fabrics(tiny_parameters(distributed={"processes": 2}).distributed)
    found = {case: trained(case, made) for case in CASES}
    before = torch.load(folder / "alone.pt", weights_only=True)
    found["resumed"] = trained(RESUMED, made, before)
    found["checkpoint"] = checkpoint_at(7, made)
    torch.save(found, folder / f"{fabric.global_rank}.pt")
    voice.say("metrics", {"trained": len(found)}, STEPS)


def fail(fabric, voice, target):
    """Kill process 1, while process 0 waits for it."""
    if fabric.global_rank == 1:
        target.write_text(str(time.time()))
        os.kill(os.getpid(), signal.SIGKILL)
    fabric.barrier()
