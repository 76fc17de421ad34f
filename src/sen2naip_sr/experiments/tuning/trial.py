"""One trial of a search: a variation that reports to the study, which may prune it."""

import time
from dataclasses import dataclass
from pathlib import Path

import optuna
import pandas as pd
from optuna.trial import Trial

from sen2naip_sr.chips.store import require_store
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.running.outcome import (
    CHECKPOINT,
    HISTORY,
    Outcome,
    curve_of,
    write_outcome,
)
from sen2naip_sr.experiments.running.runner import run_variation
from sen2naip_sr.experiments.running.variation import Variation
from sen2naip_sr.experiments.tuning.parameters import TuningParameters
from sen2naip_sr.experiments.tuning.storage import load_study, resumed
from sen2naip_sr.training.checkpoint import saved_progress

SAVED = "saved_seconds"


@dataclass(frozen=True)
class Job:
    """Everything that a process needs to run a trial.

    Attributes:
        trial: Its number.
        variation: What to train.
        hr: Folder of the HR chips.
        lr: Folder of their LR chips.
        folder: The study's folder.
        parameters: The search.
        evaluation: How held-out chips are scored.
        prunable: Whether it may be pruned.
    """

    trial: int
    variation: Variation
    hr: Path
    lr: Path
    folder: Path
    parameters: TuningParameters
    evaluation: EvaluationParameters
    prunable: bool


def run_job(job: Job) -> Outcome:
    """Run a trial to its end; the outcome of a pruned one has neither PSNR nor error."""
    study = load_study(job.folder, job.variation.model, job.parameters)
    hr, lr = require_store(job.hr), require_store(job.lr)
    own = job.folder / job.variation.name
    watch = _Watch(resumed(study, job.folder, job.trial), job, saved_progress(own / CHECKPOINT)[1])
    try:
        outcome = run_variation(job.variation, hr, lr, own, job.evaluation, watch)
    except optuna.TrialPruned:
        outcome = watch.outcome(job.variation.fingerprint(hr, lr, job.evaluation))
        pd.DataFrame(watch.history).to_csv(own / HISTORY, index=False)
        write_outcome(own, outcome)
        (own / CHECKPOINT).unlink(missing_ok=True)
    if outcome.error:  # which says nothing of the time that it took
        return outcome.model_copy(update={"seconds": watch.seconds})
    return outcome


class _Watch:
    """Reports every validation to the study, and prunes the trial if the study asks for it.

    ``spent`` are the seconds of training up to the checkpoint that it resumes from, if any.
    """

    def __init__(self, trial: Trial, job: Job, spent: float) -> None:
        self._trial, self._job = trial, job
        self._training = job.variation.parameters.training
        # a trial that resumes after a kill has reported its first validations already
        every = self._training.validate_every
        known = trial.study.trials[trial.number].intermediate_values
        self._reported = set(known)
        self.history: list[dict[str, float]] = [
            {"step": number * every, "validation_psnr": psnr} for number, psnr in known.items()
        ]
        self._start, self._spent, self._step = time.perf_counter(), spent, 0
        self._first: tuple[int, float] | None = None

    def __call__(self, metrics: dict[str, float], step: int) -> None:
        if self._first is None:
            self._begin(step)
        self._step = step
        self.history.append({"step": step, **metrics})
        # the score before the first step does not depend on the hyperparameters
        if not step or "validation_psnr" not in metrics:
            return
        number = -(-step // self._training.validate_every)
        if number not in self._reported:
            self._reported.add(number)
            self._trial.report(metrics["validation_psnr"], number)
        # ask for every trial: the pruner records the values that it compares later trials with
        worse = self._trial.should_prune()
        # pruning at the last step would save nothing
        if worse and self._job.prunable and step != self._training.steps:
            self._trial.set_user_attr(SAVED, self._saved())
            raise optuna.TrialPruned

    def outcome(self, fingerprint: str) -> Outcome:
        return Outcome(
            **self._job.variation.head(fingerprint),
            seconds=self.seconds,
            steps=self._step,
            curve=curve_of(self.history),
        )

    def _begin(self, step: int) -> None:
        """Note the first step of this process; a training that reports step 0 has not resumed."""
        self._first = step, time.perf_counter()
        self.history = [entry for entry in self.history if entry["step"] < step]
        if not step:
            self._spent = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of training so far; interrupted parts count up to their checkpoints."""
        return self._spent + time.perf_counter() - self._start

    def _saved(self) -> float:
        """Estimate the seconds of training that were left."""
        if self._training.steps is None:
            return max(0.0, 60 * (self._training.minutes or 0) - self.seconds)
        assert self._first is not None
        first, begun = self._first
        if self._step > first:
            each = (time.perf_counter() - begun) / (self._step - first)
        else:
            each = self.seconds / self._step
        return each * (self._training.steps - self._step)
