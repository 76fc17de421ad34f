"""The search for hyperparameters: an Optuna study whose trials are variations.

Trials are proposed by tree-structured Parzen estimators (Bergstra et al. 2011, "Algorithms for
Hyper-Parameter Optimization") and pruned by asynchronous successive halving (Li et al. 2020,
https://arxiv.org/abs/1810.05934); both are Optuna's.
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from sen2naip_sr.chips.splits import split_hash
from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.running.held_out import without_test
from sen2naip_sr.experiments.running.lock import locked
from sen2naip_sr.experiments.running.outcome import Outcome, read_outcome
from sen2naip_sr.experiments.running.processes import open_processes
from sen2naip_sr.experiments.running.runner import KILLED
from sen2naip_sr.experiments.running.setting import Setting
from sen2naip_sr.experiments.running.variation import Variation
from sen2naip_sr.experiments.tuning import search_space
from sen2naip_sr.experiments.tuning.parameters import TuningParameters
from sen2naip_sr.experiments.tuning.storage import first_trials, open_study, resumed
from sen2naip_sr.experiments.tuning.trial import Job, run_job
from sen2naip_sr.training.parameters import NetworkParameters

ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
OWN, ERROR, STEPS, SECONDS = "own", "error", "steps", "seconds"
logger = logging.getLogger(__name__)

Done = Callable[[Variation, Outcome], object]


@dataclass(frozen=True)
class _Search:
    """What all trials share."""

    study: Study
    parameters: TuningParameters
    model: str
    base: Mapping[str, Any]
    setting: Setting
    done: Done | None

    def variation(self, trial: Trial | FrozenTrial) -> Variation:
        """Return the training of a trial; a `ValueError` if its values are not valid together."""
        changed = NetworkParameters.model_validate(
            search_space.with_values(self.base, trial.params)
        )
        return self._of(trial, changed)

    def shown(self, trial: Trial | FrozenTrial) -> Variation:
        """Return the training of a trial to track, even if its values are not valid together."""
        try:
            return self.variation(trial)
        except ValueError:
            return self._of(trial, search_space.unchecked(self.base, trial.params))

    def _of(self, trial: Trial | FrozenTrial, changed: NetworkParameters) -> Variation:
        tags = {"trial": str(trial.number)}
        return Variation(f"trial {trial.number}", self.model, changed, self.setting.splits, tags)

    def failed(self, trial: Trial | FrozenTrial, error: str) -> Outcome:
        """Return the outcome of a trial that wrote none."""
        name, tags = f"trial {trial.number}", {"trial": str(trial.number)}
        return Outcome(name=name, model=self.model, tags=tags, fingerprint="", error=error)

    def job(self, trial: Trial) -> Job:
        return Job(
            trial.number,
            self.variation(trial),
            self.setting.hr.folder,
            self.setting.lr.folder,
            self.setting.folder,
            self.parameters,
            self.setting.evaluation,
            # the first trials, which later ones are compared with, have to finish
            prunable=trial.number >= first_trials(self.parameters),
        )


def search(parameters: TuningParameters, setting: Setting, done: Done | None = None) -> Study:
    """Run trials until there are as many as asked for; those of earlier runs count.

    Trials that were running when a search was killed resume from their checkpoints. Each is scored
    on the validation chips; test chips take no part. ``done`` is called with each trial that has
    ended, those of earlier runs included.

    Raises:
        UserError: If the space names what the network does not have, or a value that is not
            valid; if the study was begun with other inputs, or another run uses it; if no trial
            finished.
    """
    model, network = setting.network(parameters.model)
    base = search_space.full_parameters(model, network, parameters.training)
    search_space.check_space(parameters.space, model, base, parameters.confirm)
    setting = replace(setting, splits=without_test(setting.splits))
    folder = setting.folder
    depends = {
        "space": {name: found.model_dump() for name, found in parameters.space.items()},
        "network": base,
        "data": setting.hr.manifest.content,
        "recipe": setting.lr.attributes["recipe"],
        "split": split_hash(setting.splits),
        "evaluation.chips": setting.evaluation.chips,
    }
    # trials that are still marked as running were left by a run that was killed
    with locked(folder):
        study = open_study(folder, parameters, model, depends)
        _begin(study, parameters, base)
        _run(_Search(study, parameters, model, base, setting, done))
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        errors = [trial.user_attrs.get(ERROR) for trial in study.trials]
        raise UserError(
            "no-trial-finished",
            f"no trial finished: {errors[-1]}",
            f"correct that, move {folder} away, and run again",
        )
    return study


def _begin(study: Study, parameters: TuningParameters, base: Mapping[str, Any]) -> None:
    if study.trials:
        return
    own = search_space.own_values(parameters.space, base)
    if own is None:
        logger.warning("The network's own parameters lie outside the search space: not tried")
    else:
        study.enqueue_trial(own, user_attrs={OWN: True})


def _run(shared: _Search) -> None:
    study, parameters = shared.study, shared.parameters
    for ended in study.get_trials(deepcopy=False, states=ENDED):
        _report_again(shared, ended)
    left = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    running: dict[Future[Outcome], Trial] = {}
    with open_processes(parameters.workers) as (processes, most):
        while True:
            while len(running) < most and _is_room(study, parameters, len(running)):
                trial = (
                    resumed(study, shared.setting.folder, left.pop(0).number)
                    if left
                    else study.ask()
                )
                if job := _suggested(shared, trial):
                    running[processes.submit(run_job, job)] = trial
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                trial = running.pop(future)
                _end(shared, trial, _outcome(shared, trial, future))


def _is_room(study: Study, parameters: TuningParameters, running: int) -> bool:
    return len(study.get_trials(deepcopy=False, states=ENDED)) + running < parameters.trials


def _suggested(shared: _Search, trial: Trial) -> Job | None:
    """Return the job of a trial. If its values are not valid together, fail it and return None."""
    for name, found in shared.parameters.space.items():
        search_space.suggest(trial, name, found)
    try:
        return shared.job(trial)
    except ValueError as error:
        _end(shared, trial, shared.failed(trial, f"{error}"))
        return None


def _outcome(shared: _Search, trial: Trial, future: Future[Outcome]) -> Outcome:
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, Exception):
        raise error
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, BrokenProcessPool):
        text = KILLED
    return shared.failed(trial, text)


def _end(shared: _Search, trial: Trial, outcome: Outcome) -> None:
    trial.set_user_attr(STEPS, outcome.steps)
    trial.set_user_attr(SECONDS, outcome.seconds)
    if outcome.error:
        trial.set_user_attr(ERROR, outcome.error)
        shared.study.tell(trial, state=TrialState.FAIL)
        logger.warning("%s failed: %s", outcome.name, outcome.error)
    elif outcome.psnr is None:
        shared.study.tell(trial, state=TrialState.PRUNED)
        logger.info("%s: pruned after %d steps", outcome.name, outcome.steps)
    else:
        shared.study.tell(trial, outcome.psnr)
        logger.info("%s: %.2f dB", outcome.name, outcome.psnr)
    _report(shared, trial, outcome)


def _report(shared: _Search, trial: Trial | FrozenTrial, outcome: Outcome) -> None:
    if not shared.done:
        return
    pruned = outcome.psnr is None and not outcome.error
    tags = {"trial": str(trial.number), **({"pruned": "true"} if pruned else {})}
    shared.done(shared.shown(trial), outcome.model_copy(update={"tags": tags}))


def _report_again(shared: _Search, trial: FrozenTrial) -> None:
    """Report a trial of an earlier run, so that this run tracks the whole search."""
    outcome = read_outcome(shared.setting.folder / f"trial {trial.number}")
    if outcome is None and (error := trial.user_attrs.get(ERROR)):
        outcome = shared.failed(trial, error)
    if outcome is not None:
        _report(shared, trial, outcome)
