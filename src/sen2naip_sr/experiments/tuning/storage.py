"""The storage of a search: an Optuna study in SQLite, on one machine."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import Trial

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.tuning.parameters import TuningParameters
from sen2naip_sr.training.checkpoint import comparable, differences

STUDY = "study.db"
DEPENDS = "depends"
PATIENCE = 60
"""Seconds to wait for another process that writes to the database."""


def open_study(
    folder: Path, parameters: TuningParameters, model: str, depends: Mapping[str, Any]
) -> optuna.Study:
    """Return the study of a folder; create it if there is none.

    ``depends`` is what its trials depend on, the search space included.

    Raises:
        UserError: If it was begun with other inputs; the message names them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=model,
        storage=_storage(folder),
        direction="maximize",
        pruner=_pruner(parameters),
        load_if_exists=True,
    )
    study.sampler = _sampler(parameters, len(study.trials))
    begun = study.user_attrs.get(DEPENDS)
    if begun is None:
        study.set_user_attr(DEPENDS, comparable(depends))
    elif changes := differences(begun, comparable(depends)):
        raise UserError(
            "search-differs",
            f"{folder / STUDY}: this search was begun otherwise ({'; '.join(changes)})",
            "ask for the same, or move the folder away to begin a new search",
        )
    return study


def load_study(folder: Path, model: str, parameters: TuningParameters) -> optuna.Study:
    """Return an existing study, for a process that runs one of its trials."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.load_study(
        study_name=model,
        storage=_storage(folder),
        sampler=optuna.samplers.RandomSampler(),
        pruner=_pruner(parameters),
    )


def resumed(study: optuna.Study, folder: Path, number: int) -> Trial:
    """Return a running trial of a study, whose database is in ``folder``, to report to it."""
    storage = _storage(folder)
    known = storage.get_study_id_from_name(study.study_name)
    return Trial(study, storage.get_trial_id_from_study_id_trial_number(known, number))


def first_trials(parameters: TuningParameters) -> int:
    """Return the number of first trials, which are random and never pruned.

    Later trials learn from them. A third leaves room for that in short searches; ten are enough in
    long ones.
    """
    return min(10, max(3, parameters.trials // 3))


def _storage(folder: Path) -> optuna.storages.RDBStorage:
    return optuna.storages.RDBStorage(
        f"sqlite:///{folder / STUDY}", engine_kwargs={"connect_args": {"timeout": PATIENCE}}
    )


def _pruner(parameters: TuningParameters) -> optuna.pruners.BasePruner:
    return optuna.pruners.SuccessiveHalvingPruner(
        min_resource=parameters.first_rung, reduction_factor=parameters.reduction
    )


def _sampler(parameters: TuningParameters, begun: int) -> optuna.samplers.BaseSampler:
    # a search that resumes must not repeat its first draws
    seed = int(np.random.SeedSequence([parameters.seed, begun]).generate_state(1)[0])
    if parameters.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    first = first_trials(parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if parameters.sampler == "gp":
            return optuna.samplers.GPSampler(seed=seed, n_startup_trials=first)
        return optuna.samplers.TPESampler(
            seed=seed,
            n_startup_trials=first,
            multivariate=True,
            constant_liar=parameters.workers != 1,
        )
