"""Checkpoints that a killed training resumes from."""

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NotRequired, Protocol, TypedDict

import torch
from torch import Tensor, nn

from sen2naip_sr.files import replacing

logger = logging.getLogger(__name__)


class Best(TypedDict):
    """The best weights so far."""

    psnr: float
    step: int
    state: dict[str, Tensor]


class Checkpoint(TypedDict):
    """A training between two steps.

    Attributes:
        fingerprint: Everything that the result depends on: parameters, data, architecture.
        step: Number of steps taken.
        elapsed: Seconds spent so far.
        losses: Losses by name since the last entry of the history.
        parts: The states of weights, averaged weights, optimiser and so on, by name.
        best: The best weights so far.
        history: What has been logged.
        processes: The number of processes that took the last step.
    """

    fingerprint: dict[str, Any]
    step: int
    elapsed: float
    losses: dict[str, list[float]]
    parts: dict[str, dict[str, Any]]
    best: Best
    history: list[dict[str, float]]
    processes: NotRequired[int]


class Stateful(Protocol):
    """What a checkpoint can hold: networks, optimisers, gradient scalers."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Restore a state."""


@dataclass
class TrainingState:
    """Everything that changes in the course of a training.

    Attributes:
        parts: The objects with a state of their own, by name.
        step: Number of steps taken.
        losses: Losses by name since the last entry of the history.
        history: What has been logged.
        best: The best weights so far, or the last ones.
    """

    parts: Mapping[str, Stateful]
    step: int = 0
    losses: dict[str, list[float]] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    best: Best = field(default_factory=lambda: Best(psnr=-math.inf, step=0, state={}))

    @property
    def validations(self) -> list[float]:
        """The PSNR of every validation so far, dB."""
        return [e["validation_psnr"] for e in self.history if "validation_psnr" in e]

    @property
    def status(self) -> str:
        """The last logged loss, if any, and the PSNR of the kept weights, in a few words."""
        loss = next((f"loss {e['loss']:.4f}  " for e in reversed(self.history) if "loss" in e), "")
        return f"{loss}kept {self.best['psnr']:.2f} dB"

    def record(self, metrics: Mapping[str, float]) -> None:
        """Append what was measured at this step to the history."""
        self.history.append({"step": self.step, **metrics})

    def keep(self, psnr: float, network: nn.Module, only_if_best: bool) -> None:
        """Keep a copy of the network's weights, if ``only_if_best`` only at a new highest PSNR."""
        if psnr > self.best["psnr"] or not only_if_best:
            weights = {
                name: tensor.cpu().clone(memory_format=torch.contiguous_format)
                for name, tensor in network.state_dict().items()
            }
            self.best = Best(psnr=psnr, step=self.step, state=weights)

    def log_losses(self, losses: Mapping[str, float]) -> None:
        """Add the losses of a step."""
        for name, value in losses.items():
            self.losses.setdefault(name, []).append(value)

    def mean_losses(self) -> dict[str, float]:
        """Return the means of the losses since the last call."""
        means = {name: sum(values) / len(values) for name, values in self.losses.items()}
        self.losses = {}
        return means

    def is_enough(self, patience: int | None, target: float | None) -> bool:
        """Return whether a validation reached the target (dB), or the last ones brought no gain."""
        psnr = self.validations
        if target is not None and psnr and max(psnr) >= target:
            return True
        if patience is None or not psnr:
            return False
        return len(psnr) - 1 - psnr.index(max(psnr)) >= patience

    def checkpoint(self, fingerprint: Mapping[str, Any], elapsed: float) -> Checkpoint:
        """Return the state as plain data (its tensors are shared, not copied)."""
        return Checkpoint(
            fingerprint=dict(fingerprint),
            step=self.step,
            elapsed=elapsed,
            losses=self.losses,
            parts={name: part.state_dict() for name, part in self.parts.items()},
            best=self.best,
            history=self.history,
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Restore what `checkpoint` returned, on any device."""
        self.step = checkpoint["step"]
        self.losses, self.history = checkpoint["losses"], checkpoint["history"]
        self.best = checkpoint["best"]
        for name, part in self.parts.items():
            part.load_state_dict(checkpoint["parts"][name])


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically."""
    with replacing(path) as hidden, hidden.open("wb") as stream:
        torch.save({**checkpoint, "fingerprint": comparable(checkpoint["fingerprint"])}, stream)


def load_checkpoint(path: Path, fingerprint: Mapping[str, Any]) -> Checkpoint | None:
    """Return the checkpoint at ``path``, its tensors on the CPU, if a training can resume from it.

    A damaged checkpoint is ignored with a warning. The checkpoint of another training, whose
    result depends on something else, is ignored too, and the log says what differs.
    """
    if not path.exists():
        return None
    try:
        checkpoint: Checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        missing = Checkpoint.__required_keys__ - checkpoint.keys()
    except Exception as error:  # what torch raises for a damaged file is not specified
        reason = (str(error) or type(error).__name__).splitlines()[0]
        logger.warning("%s is damaged (%s): training restarts", path, reason)
        return None
    if missing:
        logger.warning("%s lacks %s: training restarts", path, ", ".join(sorted(missing)))
        return None
    if changes := differences(checkpoint["fingerprint"], comparable(fingerprint)):
        logger.info("%s belongs to another training (%s): starting anew", path, "; ".join(changes))
        return None
    return checkpoint


def saved_progress(path: Path) -> tuple[int, float]:
    """Return the steps and seconds of the checkpoint at ``path``; zeros if there is none.

    It reads no tensor. `load_checkpoint` decides whether a training can resume from it.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return int(found["step"]), float(found["elapsed"])
    except Exception:  # as in load_checkpoint
        return 0, 0.0


def comparable(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fingerprint in plain types, so that a stored one equals a new one."""
    plain: dict[str, Any] = json.loads(json.dumps(fingerprint, default=str))
    return plain


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Describe every difference of two nested fingerprints, by dotted names."""
    old, new = _flat(before), _flat(now)
    return [
        f"{name}: was {old.get(name, 'not given')}, is {new.get(name, 'not given')}"
        for name in sorted(old.keys() | new.keys())
        if name not in old or name not in new or old[name] != new[name]
    ]


def _flat(parts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in parts.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
