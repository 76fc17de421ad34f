"""The training loop."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from torch import Tensor, nn

from sen2naip_sr.progress import progress_bar
from sen2naip_sr.training.checkpoint import (
    Checkpoint,
    TrainingState,
    load_checkpoint,
    save_checkpoint,
)
from sen2naip_sr.training.crops.sampler import TrainingData
from sen2naip_sr.training.optimization.schedule import Budget
from sen2naip_sr.training.parameters import TrainingParameters
from sen2naip_sr.training.trainer import Trainer

Report = Callable[[dict[str, float], int], None]
"""Takes what was measured and the step."""
Observe = Callable[[nn.Module, int], None]
"""Takes the averaged network, in eval mode, and the step."""

Show = Callable[[float, float, str], None]
"""Takes what is done, the total of it, and the status in a few words."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitResult:
    """The result of a training.

    Attributes:
        state: The averaged weights that ``keep`` selects, on the CPU.
        history: Entries with ``step`` and what was measured at that step.
        step: Number of steps taken.
        best_psnr: Validation PSNR of ``state``, dB.
        best_step: The step of ``state``.
        seconds: Wall-clock time, including the earlier parts of a resumed training.
        resumed_from: The step of the checkpoint that the training resumed from; None: it started
            from the beginning.
    """

    state: dict[str, Tensor]
    history: list[dict[str, float]]
    step: int
    best_psnr: float
    best_step: int
    seconds: float
    resumed_from: int | None


def fit(  # noqa: PLR0913 - the last four are keywords
    model: nn.Module,
    data: TrainingData,
    parameters: TrainingParameters,
    fabric: Fabric,
    *,
    checkpoint: Path | None = None,
    fingerprint: dict[str, Any] | None = None,
    report: Report | None = None,
    observe: Observe | None = None,
    show: Show | None = None,
) -> FitResult:
    """Train a network and return its averaged weights.

    On a CPU the same parameters, data and number of threads give the same weights bit for bit,
    also if the training was killed and resumed. A length in ``minutes`` is not reproducible.
    In a training of several processes every rank calls this, and rank zero alone reports, shows
    progress and writes checkpoints.

    Args:
        model: A network, trained in place. Its initial weights are the caller's: call
            ``torch.manual_seed(parameters.seed)`` before building it.
        data: Chips and their split.
        parameters: How to train.
        fabric: From `sen2naip_sr.training.launch`.
        checkpoint: Where to keep the checkpoint; it is removed at the end. None: keep none.
        fingerprint: What the result depends on besides ``parameters``: hashes of data and split,
            the architecture and its parameters. A checkpoint with a different one is ignored.
        report: Called at every entry of the history. After a resume, the steps since the
            checkpoint are reported again.
        observe: Called after every validation.
        show: Shows the progress, instead of a bar on standard error.

    Raises:
        UserError: If data, parameters and memory do not fit, the loss or the gradient is not
            finite, or an adversarial training collapses. The last checkpoint stays.
    """
    p, leads = parameters, fabric.is_global_zero
    report, observe, show = (report, observe, show) if leads else (None, None, None)
    parts = {"training": p.described(), **(fingerprint or {})}
    trainer = Trainer(model, data, p, fabric)
    state = trainer.state
    saved = _saved(checkpoint, parts, fabric)
    if saved:
        state.restore(saved)
    budget = Budget(p.steps, p.minutes, saved["elapsed"] if saved else 0.0)
    if not saved:
        _record(state, {"validation_psnr": trainer.validate(observe)}, report)
    with progress_bar(shown=leads and show is None) as bar:
        task = bar.add_task("Training", total=budget.total, status="")
        progress = _progress(budget, state, fabric)
        while progress < 1 and not state.is_enough(p.patience, p.target_psnr):
            metrics = trainer.train_step(progress)
            progress = _progress(budget, state, fabric)
            if progress == 1 or state.step % p.validate_every == 0:
                metrics["validation_psnr"] = trainer.validate(observe)
            if metrics:
                _record(state, metrics, report)
            if checkpoint and state.step % p.checkpoint_every == 0:
                reached = trainer.checkpoint(parts, budget.elapsed)
                if leads:
                    save_checkpoint(checkpoint, reached)
            bar.update(task, completed=progress * budget.total, status=state.status)
            if show:
                show(progress * budget.total, budget.total, state.status)
    if checkpoint and leads:
        checkpoint.unlink(missing_ok=True)
    return _result(state, budget.elapsed, saved)


def _saved(
    checkpoint: Path | None, fingerprint: dict[str, Any], fabric: Fabric
) -> Checkpoint | None:
    """Return the checkpoint to resume from; rank zero reads it for all."""
    if checkpoint is None:
        return None
    found = load_checkpoint(checkpoint, fingerprint) if fabric.is_global_zero else None
    if fabric.world_size > 1:
        found = fabric.broadcast(found)
    before = found.get("processes", 1) if found else fabric.world_size
    if found and before != fabric.world_size:
        logger.info(
            "The training resumes at step %d in %d processes instead of %d: its weights may differ "
            "by rounding",
            found["step"],
            fabric.world_size,
            before,
        )
    return found


def _result(state: TrainingState, seconds: float, saved: Checkpoint | None) -> FitResult:
    return FitResult(
        state=state.best["state"],
        history=state.history,
        step=state.step,
        best_psnr=state.best["psnr"],
        best_step=state.best["step"],
        seconds=seconds,
        resumed_from=saved["step"] if saved else None,
    )


def _progress(budget: Budget, state: TrainingState, fabric: Fabric) -> float:
    """Return the share of the training that is done; ranks agree, though their clocks differ."""
    progress = budget.progress(state.step)
    return fabric.broadcast(progress) if budget.timed else progress


def _record(state: TrainingState, metrics: dict[str, float], report: Report | None) -> None:
    state.record(metrics)
    if report:
        report(metrics, state.step)
