"""Runs the variations of an experiment, each once, and resumes them after interruptions."""

import logging
import math
import shutil
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.splits import VALIDATION
from sen2naip_sr.chips.store import Store, require_store
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.methods import Method
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.scoring import score_chips
from sen2naip_sr.experiments.running.attempts import counted
from sen2naip_sr.experiments.running.lock import locked
from sen2naip_sr.experiments.running.outcome import (
    CHECKPOINT,
    FRAMES,
    HISTORY,
    OUTCOME,
    SCORES,
    WEIGHTS,
    Outcome,
    curve_of,
    read_outcome,
    write_outcome,
)
from sen2naip_sr.experiments.running.parameters import Workers
from sen2naip_sr.experiments.running.processes import open_processes
from sen2naip_sr.experiments.running.subspace import in_subspace
from sen2naip_sr.experiments.running.variation import Variation
from sen2naip_sr.files import replacing
from sen2naip_sr.inference.network import TorchNetwork
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.metrics.catalogue import QUICK
from sen2naip_sr.models.cost import count_parameters, multiply_adds_per_pixel
from sen2naip_sr.training.distributed import train_network
from sen2naip_sr.training.fit import Observe, Report
from sen2naip_sr.weights.files import load_weights, save_weights

KILLED = "its process was killed (out of memory?)"

logger = logging.getLogger(__name__)


def run_variations(  # noqa: PLR0913 - the last two are keywords
    variations: Sequence[Variation],
    hr: Store,
    lr: Store,
    folder: Path,
    evaluation: EvaluationParameters,
    *,
    workers: Workers = 1,
    done: Callable[[Variation, Outcome], object] | None = None,
) -> list[Outcome]:
    """Train every variation and score it on its held-out chips.

    Each has a folder with weights, history, scores and, written last, its outcome. A variation
    whose outcome is there for equal inputs is skipped, and an interrupted training resumes from
    its checkpoint. A failure is recorded, does not stop the others, and is tried again by the next
    call. A training whose process is killed counts as failed after several starts.

    Args:
        variations: What to train; their names are unique.
        hr: HR chips.
        lr: Their LR chips.
        folder: Where their folders are made.
        evaluation: How held-out chips are scored.
        workers: Processes that train at the same time, each with its share of torch's threads.
            1 trains in this process. Or the address of a Dask scheduler.
        done: Called in this thread with each variation and its outcome, as they end.

    Returns:
        The outcomes, in the order of the variations.

    Raises:
        UserError: If two variations have the same name, another run uses the folder, or all
            variations failed.
    """
    names = [variation.name for variation in variations]
    if twice := {name for name in names if names.count(name) > 1}:
        raise UserError(
            "variation-twice", f"two variations are called '{min(twice)}'", "give each its own name"
        )
    outcomes = {}
    run = _outcomes(variations, hr, lr, folder, evaluation, workers)
    with locked(folder), closing(run):
        for variation, outcome in run:
            outcomes[variation.name] = outcome
            if outcome.error:
                logger.warning("%s failed: %s", variation.name, outcome.error)
            if done:
                done(variation, outcome)
    failed = [outcome for outcome in outcomes.values() if outcome.error]
    if len(failed) == len(variations):
        raise UserError(
            "all-variations-failed",
            f"all {len(failed)} variations failed; {failed[0].name}: {failed[0].error}",
            "correct that, and run again",
        )
    return [outcomes[name] for name in names]


def run_variation(  # noqa: PLR0913, PLR0917 - also called in other processes
    variation: Variation,
    hr: Store,
    lr: Store,
    folder: Path,
    evaluation: EvaluationParameters,
    report: Report | None = None,
) -> Outcome:
    """Train one variation in its own folder unless that is done, and return its outcome.

    What ``report`` raises is raised; see `sen2naip_sr.training.fit.fit`.
    """
    fingerprint = variation.fingerprint(hr, lr, evaluation)
    head = variation.head(fingerprint)
    found = read_outcome(folder)
    if found and found.fingerprint == fingerprint and not found.error:
        return found.model_copy(update=head)
    try:
        with counted(folder, fingerprint, folder / CHECKPOINT):
            made = _train(variation, hr, lr, folder, evaluation, report, fingerprint)
        outcome = _finite(Outcome(**head, **made))
    except UserError as error:
        outcome = Outcome(**head, error=f"{error}")
    except (ArithmeticError, MemoryError, OSError, RuntimeError, ValueError) as error:
        outcome = Outcome(**head, error=f"{type(error).__name__}: {error}")
    write_outcome(folder, outcome)
    return outcome


def _train(  # noqa: PLR0913, PLR0917
    variation: Variation,
    hr: Store,
    lr: Store,
    folder: Path,
    evaluation: EvaluationParameters,
    report: Report | None,
    fingerprint: str,
) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    # the files that it describes are about to be overwritten
    (folder / OUTCOME).unlink(missing_ok=True)
    frames, checkpoint = folder / FRAMES / fingerprint, folder / CHECKPOINT
    if variation.watched and not frames.is_dir():
        checkpoint.unlink(missing_ok=True)  # of a training that watched something else
    weights, result = train_network(
        hr,
        lr,
        variation.splits,
        variation.parameters,
        architecture=variation.model,
        checkpoint=checkpoint,
        report=report,
        observe=_watcher(variation, hr, lr, frames) if variation.watched else None,
        wrap=in_subspace(variation.subspace, variation.parameters.training.seed),
    )
    save_weights(folder / WEIGHTS, weights.state, weights.metadata)
    model = load_weights(folder / WEIGHTS).build()
    pd.DataFrame(result.history).to_csv(folder / HISTORY, index=False)
    method = Method(variation.name, variation.name, model, trained=True)
    held_out = variation.splits[variation.splits["split"] == VALIDATION]
    scores = score_chips([method], hr, lr, held_out, evaluation, only=QUICK)
    scores.to_parquet(folder / SCORES)

    return {
        "seconds": result.seconds,
        "steps": result.step,
        "psnr": float(scores.loc[scores["band"] == "all", "psnr"].mean()),
        "parameters": count_parameters(model),
        "multiply_adds": int(multiply_adds_per_pixel(model.cpu(), weights.metadata.bands)),
        "curve": curve_of(result.history),
    }


def _finite(outcome: Outcome) -> Outcome:
    """Return the outcome, or a failed one if a PSNR is not finite, which JSON cannot hold."""
    assert outcome.psnr is not None
    for psnr in (outcome.psnr, *(psnr for _, psnr in outcome.curve)):
        if not math.isfinite(psnr):
            return Outcome(
                **outcome.model_dump(include={"name", "model", "tags", "fingerprint"}),
                error=f"its PSNR is {psnr}",
            )
    return outcome


def _watcher(variation: Variation, hr: Store, lr: Store, folder: Path) -> Observe:
    """Return a function that upscales the watched chips and writes one file for each step.

    Frames of other trainings beside the folder are removed at step 0.
    """
    chips = np.stack([lr.chips[chip] for chip in variation.watched])
    value_range = tuple(hr.attributes["value_range"])

    return partial(_watch, chips, value_range, folder)


def _watch(
    chips: Array, value_range: tuple[float, float], folder: Path, model: nn.Module, step: int
) -> None:
    if step == 0:
        shutil.rmtree(folder.parent, ignore_errors=True)
    device = next(model.parameters()).device
    network = TorchNetwork(model, chips.shape[1], device, "eager", "float32")
    upscaled = predict(network, chips, value_range)
    with replacing(folder / f"{step:08d}.npy") as hidden:
        np.save(hidden, upscaled.astype(np.float32))


def _outcomes(  # noqa: PLR0913, PLR0917
    variations: Sequence[Variation],
    hr: Store,
    lr: Store,
    folder: Path,
    evaluation: EvaluationParameters,
    workers: Workers,
) -> Generator[tuple[Variation, Outcome]]:
    """Yield variations with their outcomes, in their order."""
    if workers == 1:
        for number, variation in enumerate(variations, 1):
            logger.info("%s (%d of %d)", variation.name, number, len(variations))
            outcome = run_variation(variation, hr, lr, folder / variation.name, evaluation)
            yield variation, outcome
        return
    with open_processes(workers) as (processes, _):
        futures = [
            processes.submit(
                _run_there, variation, hr.folder, lr.folder, folder / variation.name, evaluation
            )
            for variation in variations
        ]
        for variation, future in zip(variations, futures, strict=True):
            yield variation, _result(variation, future)


def _run_there(
    variation: Variation, hr: Path, lr: Path, folder: Path, evaluation: EvaluationParameters
) -> Outcome:
    return run_variation(variation, require_store(hr), require_store(lr), folder, evaluation)


def _result(variation: Variation, future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool:
        return Outcome(**variation.head(""), error=KILLED)
