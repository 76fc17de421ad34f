"""A round at a site: steps of the public trainer from the server's weights."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.sites import Site
from sen2naip_sr.federated.task import Task
from sen2naip_sr.files import replacing
from sen2naip_sr.models.blocks import BATCH_NORMALISATION
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.training.launch import make_fabric
from sen2naip_sr.training.trainer import Trainer
from sen2naip_sr.training.validation import Validator

KEPT_ROUNDS = 2
"""Rounds whose optimiser a site keeps: a server that was killed asks for the last one again."""


@dataclass(frozen=True)
class Trained:
    """A site's weights after a round, on the CPU, and what was measured.

    Attributes:
        weights: By name.
        loss: The mean loss of the round's steps.
        seconds: Wall-clock time.
        chips: The site's number of training chips.
    """

    weights: dict[str, Tensor]
    loss: float
    seconds: float
    chips: int


def build(task: Task, weights: Mapping[str, Tensor] | None = None) -> nn.Module:
    """Return the task's network, with the given weights or random ones.

    Raises:
        UserError: If its state is not made of weights alone.
    """
    torch.manual_seed(task.training.seed)
    model = build_model(task.architecture, task.bands, **task.architecture_parameters)
    if any(isinstance(part, BATCH_NORMALISATION) for part in model.modules()):
        raise UserError(
            "network-has-statistics",
            f"'{task.architecture}' has running statistics, whose mean over sites is not a "
            "network's",
            "build it without batch normalisation",
        )
    if weights is not None:
        model.load_state_dict(weights)
    return model


def train_locally(
    site: Site,
    task: Task,
    weights: Mapping[str, Tensor],
    round_number: int,
    proximal_mu: float = 0.0,
) -> Trained:
    """Train for one round, from 1.

    Crops and learning rate are those of the round's own steps in a training over all rounds, so
    that a round depends on nothing but its number and the weights (and the optimiser, if kept).

    Args:
        site: The site.
        task: What is trained.
        weights: The server's.
        round_number: The round.
        proximal_mu: The weight mu of FedProx's term, mu / 2 times the squared distance to the
            server's weights (Li et al. 2020, "Federated Optimization in Heterogeneous Networks",
            https://arxiv.org/abs/1812.06127, equation 2). Its gradient is added to the clipped
            one of the losses.

    Raises:
        UserError: As `sen2naip_sr.training.Trainer`.
    """
    start, done = time.perf_counter(), (round_number - 1) * task.local_steps
    parameters = task.training.model_copy(
        update={
            "seed": site.seed(task.training.seed),
            "accelerator": site.accelerator,
            "log_every": task.local_steps,
        }
    )
    fabric = make_fabric(parameters.accelerator, parameters.precision)
    trainer = Trainer(build(task, weights), site.data, parameters, fabric)
    trainer.state.step = done
    trainer.state.parts["batch_growth"].load_state_dict({"micro_batches": 1, "drawn": done})
    kept = site.folder if task.keep_optimizer else None
    if kept and round_number > 1:
        _restore(trainer, kept, round_number - 1)
    if proximal_mu:
        _hold_near(trainer, proximal_mu)
    (entry,) = trainer.take_steps(task.local_steps)[-1:]
    if kept:
        _keep(trainer, kept, round_number)
    seconds = time.perf_counter() - start
    return Trained(trainer.get_weights(), entry["loss"], seconds, len(site.data.train))


def score_locally(site: Site, task: Task, weights: Mapping[str, Tensor]) -> tuple[float, int]:
    """Return the mean PSNR of the chips that a site holds out, dB, and how many were scored."""
    data = site.data
    score = Validator(
        data.hr, data.lr, data.validation, data.value_range, task.training.validation_chips,
        data.scored,
    )  # fmt: skip
    fabric = make_fabric(site.accelerator, "32-true")
    model = build(task, weights).to(fabric.device)
    return score(model, fabric.device), len(score.chips)


def _hold_near(trainer: Trainer, mu: float) -> None:
    """Add mu times the distance from the present weights to the gradient of every step."""
    model: Any = trainer.state.parts["model"]
    weights = list(model.parameters())
    anchors = [weight.detach().clone() for weight in weights]

    def add(*_: object) -> None:
        for weight, anchor in zip(weights, anchors, strict=True):
            if weight.grad is not None:
                weight.grad.add_(weight.detach() - anchor, alpha=mu)

    _optimizer(trainer).register_step_pre_hook(add)


def _optimizer(trainer: Trainer) -> torch.optim.Optimizer:
    found: Any = trainer.state.parts["optimizer"]
    inner: torch.optim.Optimizer = getattr(found, "optimizer", found)  # Fabric wraps it
    return inner


def _file(folder: Path, round_number: int) -> Path:
    return folder / f"optimizer-{round_number:06d}.pt"


def _keep(trainer: Trainer, folder: Path, round_number: int) -> None:
    file = _file(folder, round_number)
    with replacing(file) as hidden:
        torch.save(trainer.state.parts["optimizer"].state_dict(), hidden)
    _file(folder, round_number - KEPT_ROUNDS).unlink(missing_ok=True)


def _restore(trainer: Trainer, folder: Path, round_number: int) -> None:
    """Restore the optimiser of a round; a site that took no part in it starts with a new one."""
    file = _file(folder, round_number)
    if file.is_file():
        state = torch.load(file, map_location="cpu", weights_only=True)
        trainer.state.parts["optimizer"].load_state_dict(state)


Poison = Callable[[str, int, Trained], Trained]
"""Changes what a site sends, given its name and the round: for tests of strategies."""
