"""The training loop."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class FitResult:
    """What came of a training.

    Attributes:
        state: The averaged weights that ``keep`` names, on the CPU.
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


def fit(  # noqa: PLR0913 - the last four are keywords
    model: nn.Module,
    data: TrainingData,
    parameters: TrainingParameters,
    *,
    checkpoint: Path | None = None,
    fingerprint: dict[str, Any] | None = None,
    report: Report | None = None,
    observe: Observe | None = None,
) -> FitResult:
    """Train a network and return its averaged weights.

    On a CPU the same parameters, data and number of threads give the same weights bit for bit,
    whether the training was killed and went on or not, unless ``minutes`` is its length.

    Args:
        model: A network. Its initial weights are the caller's: call
            ``torch.manual_seed(parameters.seed)`` before building it. It is trained in place.
        data: Chips and their split.
        parameters: How to train.
        checkpoint: Where to keep the checkpoint; it is removed at the end. None: keep none.
        fingerprint: What the result depends on beside ``parameters``: hashes of data and split,
            the architecture and its parameters. A checkpoint with another one is not used.
        report: Called at every entry of the history. After a resume, the steps since the
            checkpoint are reported again.
        observe: Called after every validation.

    Raises:
        UserError: If the data do not fit the parameters, the device is not there or has too
            little memory, the loss or the gradient is no longer finite, or an adversarial
            training collapses (the last checkpoint stays).
    """
    parts = {"training": parameters.model_dump(), **(fingerprint or {})}
    trainer = Trainer(model, data, parameters)
    state = trainer.state
    saved = _go_on(state, checkpoint, parts)
    budget = Budget(parameters.steps, parameters.minutes, saved["elapsed"] if saved else 0.0)
    if not saved:
        _record(state, {"validation_psnr": trainer.validate(observe)}, report)
    with progress_bar() as bar:
        task = bar.add_task("Training", total=budget.total, status="")
        progress = budget.progress(state.step)
        while progress < 1 and not state.is_enough(parameters.patience, parameters.target_psnr):
            metrics = trainer.train_step(progress)
            progress = budget.progress(state.step)
            if progress == 1 or state.step % parameters.validate_every == 0:
                metrics["validation_psnr"] = trainer.validate(observe)
            if metrics:
                _record(state, metrics, report)
            if checkpoint and state.step % parameters.checkpoint_every == 0:
                save_checkpoint(checkpoint, state.checkpoint(parts, budget.elapsed))
            bar.update(task, completed=progress * budget.total, status=trainer.status)
    if checkpoint:
        checkpoint.unlink(missing_ok=True)
    return FitResult(
        state=state.best["state"],
        history=state.history,
        step=state.step,
        best_psnr=state.best["psnr"],
        best_step=state.best["step"],
        seconds=budget.elapsed,
        resumed_from=saved["step"] if saved else None,
    )


def _go_on(
    state: TrainingState, checkpoint: Path | None, parts: dict[str, Any]
) -> Checkpoint | None:
    """Take over the checkpoint if it is one of the same training, and return it."""
    saved = load_checkpoint(checkpoint, parts) if checkpoint else None
    if saved:
        state.restore(saved)
    return saved


def _record(state: TrainingState, metrics: dict[str, float], report: Report | None) -> None:
    state.history.append({"step": state.step, **metrics})
    if report:
        report(metrics, state.step)
