"""The results of a search: its trials, the importances, and the best parameters."""

from collections.abc import Mapping
from typing import Any

import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from sen2naip_sr.experiments.tuning.search import ERROR, OWN, SECONDS, STEPS
from sen2naip_sr.experiments.tuning.search_space import with_values
from sen2naip_sr.experiments.tuning.trial import SAVED
from sen2naip_sr.training.parameters import NetworkParameters

FEWEST = 4
"""Fewest complete trials from which importances are computed."""


def trial_table(study: optuna.Study) -> pd.DataFrame:
    """Return one row for each trial.

    Columns trial, state (complete, pruned, fail, running), own (the network's own parameters),
    psnr (dB, of all held-out chips; complete trials only), last_psnr (of the last validation),
    validations, steps, seconds (of training; interrupted parts count up to their checkpoints),
    saved_seconds (an estimate of what pruning saved), error, and one for each hyperparameter.
    """
    return pd.DataFrame([_row(trial) for trial in study.trials])


def _row(trial: FrozenTrial) -> dict[str, Any]:
    reported = trial.intermediate_values
    noted = trial.user_attrs
    return {
        "trial": trial.number,
        "state": trial.state.name.lower(),
        "own": bool(noted.get(OWN)),
        "psnr": trial.value if trial.state == TrialState.COMPLETE else None,
        "last_psnr": reported[max(reported)] if reported else None,
        "validations": len(reported),
        "steps": noted.get(STEPS, 0),
        # not the duration, which includes the time between a kill and the next run
        "seconds": noted.get(SECONDS),
        "saved_seconds": noted.get(SAVED, 0.0),
        "error": noted.get(ERROR),
        **trial.params,
    }


def importance(study: optuna.Study) -> dict[str, float]:
    """Return the share of the score's variance that each hyperparameter explains, by fANOVA.

    Hutter, Hoos and Leyton-Brown 2014, "An Efficient Approach for Assessing Hyperparameter
    Importance". Only complete trials count; empty with too few of them.
    """
    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(ended) < FEWEST or len({trial.value for trial in ended}) < 2:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))


def best_parameters(study: optuna.Study, network: Mapping[str, Any]) -> dict[str, Any]:
    """Return a network's parameters, nested as in configuration, with the best trial's values.

    Everything that was not searched, such as the training's length, stays as it is.
    """
    best = with_values(network, study.best_trial.params)
    NetworkParameters.model_validate(best)
    return best
