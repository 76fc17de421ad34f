"""What every process of the tests' trainings does: all cases in one launch, since one takes long.

Processes import it, so it is a module of its own.
"""

import torch
from tiny_training import GAN, SIZES, tiny_data, tiny_model, tiny_parameters

from sen2naip_sr.training import Trainer
from sen2naip_sr.training.launch import make_fabric

STEPS, FEW = 20, 6
"""Steps of every network in both precisions, and of the other cases."""
DESCENT = {
    "optimizer": {"path": "torch.optim.SGD", "arguments": {"momentum": 0.9}},
    "schedule": {"name": "constant", "warmup_steps": 0},
    "learning_rate": 0.02,
    "clip_norm": 1e9,
    "batch_size": 8,
    "log_every": 5,
    "validation_chips": 7,
}
ADVERSARIAL = {**GAN, "losses": {"l1": 1.0, "adversarial": 0.02}}
WGAN = {"adversarial": {"loss": "wgan_gp", "channels": 4, "discriminator": "patch"}}
TWO = {"losses": {"l1": 1.0, "mse": 3.0}}
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
}
"""Network and changes of the parameters by case; in float64 unless they say so."""


def trained(case, fabrics):
    """Return weights, history and the averaged weights' score after some steps."""
    name, changes = CASES[case]
    steps = STEPS if case.split()[0] in NETWORKS else FEW
    parameters = tiny_parameters(**{**DESCENT, "steps": STEPS, "precision": "64-true"} | changes)
    model = tiny_model(name, normalisation="none") if name == "unet" else tiny_model(name)
    trainer = Trainer(
        model, tiny_data(chips=14, train=6), parameters, fabrics[parameters.precision]
    )
    history = trainer.take_steps(steps)
    psnr = trainer.validate()
    taken = trainer.checkpoint({}, 0.0)
    return {
        "weights": trainer.get_weights(),
        "average": dict(trainer.state.best["state"]),
        "history": history,
        "psnr": psnr,
        "losses": taken["losses"],
        "processes": taken["processes"],
    }


def fabrics(distributed=None):
    """Return a Fabric of every precision."""
    return {p: make_fabric("cpu", p, distributed) for p in ("32-true", "64-true")}


def train_all(fabric, voice, folder):
    """Train every case, and keep what each rank came to."""
    made = fabrics(tiny_parameters(distributed={"processes": 2}).distributed)
    found = {case: trained(case, made) for case in CASES}
    torch.save(found, folder / f"{fabric.global_rank}.pt")
    voice.say("metrics", {"trained": len(found)}, STEPS)
