"""Optimisers by their dotted path."""

import importlib
import inspect
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, TypeGuard

import torch
from torch import nn
from torch.optim import Optimizer

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import describe_unknown
from sen2naip_sr.training.parameters.optimization import OptimizerParameters

OWN_OPTIMIZERS = ("sen2naip_sr.training.optimization.tucker_adam.TuckerAdam",)


def build_optimizer(
    model: nn.Module | Iterable[tuple[str, nn.Parameter]],
    learning_rate: float,
    parameters: OptimizerParameters,
    device: torch.device,
    extra: Iterable[nn.Parameter] = (),
) -> Optimizer:
    """Build an optimiser.

    On a CPU it is the fused implementation, if there is one and the arguments choose no other:
    torch's own choice there is a loop over the tensors.

    Args:
        model: The network, or the names and weights of a part of it. Weights without a gradient
            are left out.
        learning_rate: The initial learning rate of every group.
        parameters: The optimiser's class and arguments.
        device: The device of the weights.
        extra: Further parameters, such as the weights of losses. They are a group of their own
            without weight decay, and are not treated as matrices.

    Raises:
        UserError: If there is no such optimiser or argument, or if it cannot train this network
            with one gradient a step.
    """
    named = model.named_parameters() if isinstance(model, nn.Module) else model
    kind = _resolve(parameters.path)
    arguments = _arguments(kind, parameters, device) | {"lr": learning_rate}
    groups: list[dict[str, Any]] = [{"params": [w for _, w in named if w.requires_grad]}]
    if others := list(extra):
        plain = {"weight_decay": 0.0, "matrices": False}
        groups.append({"params": others, **{k: plain[k] for k in plain if k in _accepted(kind)}})
    try:
        return kind(groups, **arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            "optimiser-failed",
            f"optimiser {parameters.path} cannot be built for this network: {error}",
            "correct its arguments, or choose another optimiser",
        ) from error


def available_optimizers() -> list[str]:
    """Return the dotted paths of the optimisers of the project and of torch.optim."""
    found = vars(torch.optim).items()
    theirs = [
        f"torch.optim.{name}" for name, kind in found if _is_optimizer(kind) and not _unsuited(kind)
    ]
    return [*OWN_OPTIMIZERS, *sorted(theirs)]


def _is_optimizer(value: Any) -> TypeGuard[type[Optimizer]]:
    return isinstance(value, type) and issubclass(value, Optimizer) and value is not Optimizer


def _unsuited(kind: type[Optimizer]) -> str | None:
    """Return why an optimiser cannot take one step per gradient of a network, or None."""
    closure = inspect.signature(kind.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        return "it evaluates the loss several times a step, and each batch is used for one gradient"
    if kind is torch.optim.SparseAdam:
        return "it needs sparse gradients, and those of a network are dense"
    if kind is getattr(torch.optim, "Muon", None):
        return "it trains matrices only, and a network has kernels and biases"
    return None


def _resolve(path: str) -> type[Optimizer]:
    module, _, name = path.rpartition(".")
    kind, reason = None, "it is no subclass of torch.optim.Optimizer"
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        reason = str(error)
    if not _is_optimizer(kind):
        raise UserError(
            "unknown-optimiser",
            f"'{path}' is no optimiser: {reason}",
            f"{_nearest(path)}choose one of {', '.join(available_optimizers())}, or the path of "
            "any other importable subclass of torch.optim.Optimizer",
        )
    if unsuited := _unsuited(kind):
        raise UserError(
            "optimiser-unsuited",
            f"optimiser {path} cannot be used here: {unsuited}",
            f"choose another one: {', '.join(available_optimizers())}",
        )
    return kind


def _nearest(path: str) -> str:
    by_name = {known.rpartition(".")[2].lower(): known for known in available_optimizers()}
    nearest = get_close_matches(path.rpartition(".")[2].lower(), by_name, n=1)
    return f"did you mean '{by_name[nearest[0]]}'? If not, " if nearest else ""


def _accepted(kind: type[Optimizer]) -> list[str]:
    return list(inspect.signature(kind).parameters)[1:]


def _arguments(
    kind: type[Optimizer], parameters: OptimizerParameters, device: torch.device
) -> dict[str, Any]:
    """Return the checked keyword arguments, without those that `build_optimizer` sets itself."""
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in parameters.arguments.items()
    }
    signature = inspect.signature(kind).parameters.values()
    accepted = [name for name in _accepted(kind) if name != "lr"]
    if "lr" in given:
        raise UserError(
            "learning-rate-twice",
            f"optimiser {parameters.path}: the learning rate cannot be one of the arguments",
            "set the learning rate of the training instead",
        )
    unknown = [name for name in given if name not in accepted]
    if unknown and not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature):
        problem = "; ".join(describe_unknown("argument", name, accepted) for name in unknown)
        raise UserError(
            "unknown-argument",
            f"optimiser {parameters.path}: {problem}",
            "give arguments of this optimiser only",
        )
    unasked = not given.keys() & {"fused", "foreach", "differentiable"}
    if device.type == "cpu" and "fused" in accepted and unasked:
        given["fused"] = True
    return given
