"""The results of a search: its trials, the importances, and the best parameters."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from sen2naip_sr.evaluation.comparison import psnr_by_chip
from sen2naip_sr.evaluation.paired.bootstrap import paired_difference
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.running.outcome import SCORES
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


def with_intervals(
    table: pd.DataFrame, folder: Path, evaluation: EvaluationParameters
) -> pd.DataFrame:
    """Return a `trial_table` with the differences of complete trials to the best one.

    Args:
        table: From `trial_table`.
        folder: The study's folder, with the scores of the trials.
        evaluation: How intervals are computed.

    Returns:
        The table with behind_low and behind_high, the ends of the 95 % interval over locations,
        dB; NaN for other trials, and for chips of a single location.
    """
    complete = table[table["state"] == "complete"].sort_values("psnr", ascending=False)
    files = {number: folder / f"trial {number}" / SCORES for number in complete["trial"]}
    scores = {number: pd.read_parquet(file) for number, file in files.items() if file.is_file()}
    ends: dict[int, tuple[float, float]] = {}
    if scores:
        psnr, locations = psnr_by_chip(
            pd.concat([rows.assign(method=number) for number, rows in scores.items()])
        )
        options = {"draws": evaluation.bootstrap_draws, "seed": evaluation.bootstrap_seed}
        best = psnr[next(iter(scores))]
        for number in scores:
            found = paired_difference(psnr[number], best, locations, **options)
            ends[number] = (found.low, found.high)
    none = (math.nan, math.nan)
    low, high = zip(*(ends.get(number, none) for number in table["trial"]), strict=True)
    return table.assign(behind_low=low, behind_high=high)


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
