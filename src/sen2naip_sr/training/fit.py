"""The training loop."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.predict import normalised
from sen2naip_sr.progress import progress_bar
from sen2naip_sr.training.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from sen2naip_sr.training.device import make_fabric
from sen2naip_sr.training.dynamics import snapshot, step_dynamics
from sen2naip_sr.training.losses import LOSSES
from sen2naip_sr.training.parameters import TrainingParameters
from sen2naip_sr.training.sampler import CropSampler, TrainingData
from sen2naip_sr.training.schedule import Budget, ema_decay, learning_rate_factor
from sen2naip_sr.training.validation import Validator

Tensors = list[Tensor] | tuple[Tensor, ...]


@dataclass(frozen=True)
class FitResult:
    """What came of a training.

    Attributes:
        state: The best averaged weights by validation PSNR, on the CPU.
        history: Entries with ``step`` and what was measured then.
        step: Steps done.
        best_psnr: Validation PSNR of ``state``, dB.
        best_step: The step that ``state`` is of.
        seconds: Wall-clock time, earlier parts of a resumed training included.
        resumed_from: The step of the checkpoint that it went on from; None: from the beginning.
    """

    state: dict[str, Tensor]
    history: list[dict[str, float]]
    step: int
    best_psnr: float
    best_step: int
    seconds: float
    resumed_from: int | None


def fit(  # noqa: PLR0913 - the last three are keywords
    model: nn.Module,
    data: TrainingData,
    parameters: TrainingParameters,
    *,
    checkpoint: Path | None = None,
    fingerprint: dict[str, Any] | None = None,
    report: Callable[[dict[str, float], int], None] | None = None,
) -> FitResult:
    """Train a network and return its best averaged weights.

    On a CPU the same parameters, data and number of threads give the same weights bit for bit,
    whether the training was killed and went on or not, unless ``minutes`` is its length.

    Args:
        model: An untrained network. Its weights are the caller's to seed: call
            ``torch.manual_seed(parameters.seed)`` before building it. It is trained in place.
        data: Chips and their split.
        parameters: How to train.
        checkpoint: Where to keep the checkpoint; it is removed at the end. None: keep none.
        fingerprint: What the result depends on beside ``parameters``: hashes of data and split,
            the architecture and its parameters. A checkpoint with another one is not used.
        report: Called with what was measured and the step, at every entry of the history. After
            a resume, the steps since the checkpoint are reported again.

    Raises:
        UserError: If the data do not fit the parameters, the device is not there, or the loss or
            the gradient is no longer finite (the last checkpoint stays).
    """
    parts = {"training": parameters.model_dump(), **(fingerprint or {})}
    loop = _Loop(model, data, parameters)
    state = loop.state
    saved = load_checkpoint(checkpoint, parts) if checkpoint else None
    if saved:
        state.restore(saved)
    budget = Budget(parameters.steps, parameters.minutes, saved["elapsed"] if saved else 0.0)

    def record(metrics: dict[str, float]) -> None:
        state.history.append({"step": state.step, **metrics})
        if report:
            report(metrics, state.step)

    if not saved:
        record({"validation_psnr": loop.validate()})
    with progress_bar() as bar:
        task = bar.add_task("Training", total=budget.total, status="")
        progress = budget.progress(state.step)
        while progress < 1 and not state.out_of_patience(parameters.patience):
            metrics = loop.train_step(progress)
            progress = budget.progress(state.step)
            if progress == 1 or state.step % parameters.validate_every == 0:
                metrics["validation_psnr"] = loop.validate()
            if metrics:
                record(metrics)
            if checkpoint and state.step % parameters.checkpoint_every == 0:
                save_checkpoint(checkpoint, state.checkpoint(parts, budget.elapsed))
            bar.update(task, completed=progress * budget.total, status=loop.status)
    if checkpoint:
        checkpoint.unlink(missing_ok=True)
    best = state.best
    return FitResult(
        state=best["state"],
        history=state.history,
        step=state.step,
        best_psnr=best["psnr"],
        best_step=best["step"],
        seconds=budget.elapsed,
        resumed_from=saved["step"] if saved else None,
    )


class _Loop:
    """The parts of a training, set up for its device, and what happens in one step."""

    def __init__(
        self, model: nn.Module, data: TrainingData, parameters: TrainingParameters
    ) -> None:
        p = self.parameters = parameters
        self.sampler = CropSampler(
            data, p.crop_size, p.batch_size, p.seed, p.augmentation, p.detail
        )
        self.validator = Validator(
            data.hr, data.lr, data.validation, data.value_range, p.validation_chips
        )
        self.value_range = data.value_range
        self.fabric = make_fabric(p.accelerator, p.precision)
        model = model.train()
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = AveragedModel(model, self.fabric.device, multi_avg_fn=_ema_update(p.ema_decay))
        optimizer = torch.optim.AdamW(
            model.parameters(),
            p.learning_rate,
            p.betas,
            weight_decay=p.weight_decay,
            # torch's own choice is fast on accelerators but a loop over the tensors on a CPU
            fused=True if self.fabric.device.type == "cpu" else None,
        )
        self.network, self.optimizer = self.fabric.setup(model, optimizer)
        self.weights = list(model.parameters())
        self.state = TrainingState(model, self.ema, self.optimizer, self.fabric.strategy.precision)

    def train_step(self, progress: float) -> dict[str, float]:
        """Take one step; every ``log_every`` steps, return what was measured."""
        p, state = self.parameters, self.state
        rate = p.learning_rate * learning_rate_factor(
            state.step, progress, p.warmup_steps, p.final_learning_rate
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        observed = (state.step + 1) % p.log_every == 0
        lr, hr = (
            normalised(crops, self.value_range, self.fabric.device)
            for crops in self.sampler.batch(state.step)
        )
        self.optimizer.zero_grad()
        loss = LOSSES[p.loss](self.network(lr), hr)
        self.fabric.backward(loss)
        norm = self.fabric.clip_gradients(
            self.network, self.optimizer, max_norm=p.clip_norm, error_if_nonfinite=False
        )
        assert norm is not None
        self._refuse_non_finite(loss, norm)
        before = snapshot(self.weights) if observed else []
        self.optimizer.step()
        self.ema.update_parameters(state.model)
        state.step += 1
        state.losses.append(loss.item())
        if not observed:
            return {}
        mean_loss = float(np.mean(state.losses))
        state.losses.clear()
        dynamics = step_dynamics(self.weights, before, norm, p.clip_norm)
        return {"loss": mean_loss, "learning_rate": rate, **dynamics}

    def validate(self) -> float:
        """Score the averaged weights and keep them if they are the best so far."""
        state, network = self.state, self.ema.module
        psnr = self.validator(network, self.fabric.device)
        if math.isnan(psnr) and not state.best["state"]:
            raise UserError(
                "the validation PSNR of the untrained network is not a number: "
                f"chips {_listed(self.validator.chips)} hold values that are none",
                "leave chips with invalid pixels out of the data",
            )
        state.keep_if_best(psnr, network)
        return psnr

    @property
    def status(self) -> str:
        """Loss and PSNR in a few words."""
        loss = next((e["loss"] for e in reversed(self.state.history) if "loss" in e), math.nan)
        return f"loss {loss:.4f}  best {self.state.best['psnr']:.2f} dB"

    def _refuse_non_finite(self, loss: Tensor, norm: Tensor) -> None:
        # a gradient scaler looks for gradients out of range itself and leaves such steps out
        scaled = getattr(self.fabric.strategy.precision, "scaler", None) is not None
        if not torch.isfinite(loss if scaled else loss + norm):
            chips = _listed(np.unique(self.sampler.chips(self.state.step)))
            raise UserError(
                f"training stopped at step {self.state.step + 1}: the loss is {loss.item():g}, the "
                f"gradient's norm {norm.item():g} (batch from chips {chips})",
                "look for invalid pixels in these chips, or lower training.learning_rate",
            )


def _ema_update(largest: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    @torch.no_grad()
    def update(averages: Tensors, weights: Tensors, count: Tensor | int) -> None:
        torch._foreach_lerp_(averages, weights, 1 - ema_decay(int(count), largest))

    return update


def _listed(chips: np.ndarray[Any, np.dtype[Any]]) -> str:
    return ", ".join(map(str, chips.tolist()))
