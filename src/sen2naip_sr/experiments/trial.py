"""One trial of a search: a variation that is reported to the study, and pruned by it."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Protocol

import optuna
import pandas as pd
import torch
from optuna.trial import Trial

from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.runner import HISTORY, OUTCOME, run_variation
from sen2naip_sr.experiments.study_storage import load_study
from sen2naip_sr.experiments.tuning_parameters import TuningParameters
from sen2naip_sr.experiments.variation import Outcome, Variation
from sen2naip_sr.raster.store import require_store
from sen2naip_sr.training.checkpoint import replacing

SAVED = "saved_seconds"


@dataclass(frozen=True)
class Job:
    """All that a process needs to run a trial.

    Attributes:
        trial: Its id in the study's database.
        variation: What to train.
        hr: Folder of the HR chips.
        lr: Folder of their LR chips.
        folder: Of the study.
        parameters: Of the search.
        evaluation: How held-out chips are scored.
        prunable: Whether it may be ended early.
    """

    trial: int
    variation: Variation
    hr: Path
    lr: Path
    folder: Path
    parameters: TuningParameters
    evaluation: EvaluationParameters
    prunable: bool


class Pool(Protocol):
    """What runs jobs."""

    def submit(self, job: Job) -> Future[Outcome]:
        """Begin a job."""

    def release(self, future: Future[Outcome]) -> None:
        """Make room for another one, after a job's end."""


def run_job(job: Job) -> Outcome:
    """Run a trial to its end; the outcome of a pruned one has neither PSNR nor error."""
    study = load_study(job.folder, job.variation.model, job.parameters)
    watch = _Watch(Trial(study, job.trial), job)
    hr, lr = require_store(job.hr), require_store(job.lr)
    own = job.folder / job.variation.name
    try:
        return run_variation(job.variation, hr, lr, own, job.evaluation, watch)
    except optuna.TrialPruned:
        outcome = watch.outcome(job.variation.fingerprint(hr, lr, job.evaluation))
        pd.DataFrame(watch.history).to_csv(own / HISTORY, index=False)
        with replacing(own / OUTCOME) as stream:
            stream.write(outcome.model_dump_json(indent=1).encode())
        (own / "checkpoint.pt").unlink(missing_ok=True)
        return outcome


class _Watch:
    """Tells the study of every validation, and ends the trial if the study says so."""

    def __init__(self, trial: Trial, job: Job) -> None:
        self._trial, self._job = trial, job
        self._training = job.variation.parameters.training
        # a trial that goes on after its process was killed has reported the first ones already
        every = self._training.validate_every
        known = trial.study.trials[trial.number].intermediate_values
        self._reported = set(known)
        self.history: list[dict[str, float]] = [
            {"step": number * every, "validation_psnr": psnr} for number, psnr in known.items()
        ]
        self._start, self._step = time.perf_counter(), 0
        self._first: int | None = None

    def __call__(self, metrics: dict[str, float], step: int) -> None:
        if self._first is None:
            self._first = step
            self.history = [entry for entry in self.history if entry["step"] < step]
        self._step = step
        self.history.append({"step": step, **metrics})
        # the network before its first step says nothing of hyperparameters
        if not step or "validation_psnr" not in metrics:
            return
        number = -(-step // self._training.validate_every)
        if number not in self._reported:
            self._reported.add(number)
            self._trial.report(metrics["validation_psnr"], number)
        # pruning at the last step would save nothing
        if self._job.prunable and step != self._training.steps and self._trial.should_prune():
            self._trial.set_user_attr(SAVED, self._saved())
            raise optuna.TrialPruned

    def outcome(self, fingerprint: str) -> Outcome:
        variation = self._job.variation
        return Outcome(
            name=variation.name,
            model=variation.model,
            tags=dict(variation.tags),
            fingerprint=fingerprint,
            seconds=time.perf_counter() - self._start,
            steps=self._step,
            curve=[
                (int(entry["step"]), entry["validation_psnr"])
                for entry in self.history
                if "validation_psnr" in entry
            ],
        )

    def _saved(self) -> float:
        """Return about how many more seconds of training there would have been."""
        passed = time.perf_counter() - self._start
        if self._training.steps is None:
            return max(0.0, 60 * (self._training.minutes or 0) - passed)
        return (
            passed * (self._training.steps - self._step) / max(1, self._step - (self._first or 0))
        )


@contextmanager
def open_pool(workers: int) -> Iterator[Pool]:
    """Return what runs so many jobs at a time; one: in this process."""
    if workers == 1:
        yield _Here()
        return
    pool = _Processes(workers)
    try:
        yield pool
    finally:
        pool.stop()


class _Here:
    def submit(self, job: Job) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        try:
            future.set_result(run_job(job))
        except Exception as error:
            future.set_exception(error)
        return future

    def release(self, future: Future[Outcome]) -> None:
        """There is always room."""


class _Processes:
    """A process for each worker; one that dies takes no other with it, and is replaced."""

    def __init__(self, workers: int) -> None:
        self._threads = max(1, torch.get_num_threads() // workers)
        self._idle = [self._new() for _ in range(workers)]
        self._busy: dict[Future[Outcome], ProcessPoolExecutor] = {}

    def submit(self, job: Job) -> Future[Outcome]:
        process = self._idle.pop()
        future = process.submit(run_job, job)
        self._busy[future] = process
        return future

    def release(self, future: Future[Outcome]) -> None:
        process = self._busy.pop(future)
        if isinstance(future.exception(), BrokenProcessPool):
            process.shutdown(wait=False)
            process = self._new()
        self._idle.append(process)

    def stop(self) -> None:
        for process in [*self._idle, *self._busy.values()]:
            process.shutdown(wait=False, cancel_futures=True)

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, get_context("spawn"), initializer=_prepare, initargs=(self._threads,)
        )


def _prepare(threads: int) -> None:
    torch.set_num_threads(threads)
    # several progress bars at a time would write over each other
    sys.stderr = open(os.devnull, "w")
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process once the one that started it is gone, which also frees its trial."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
