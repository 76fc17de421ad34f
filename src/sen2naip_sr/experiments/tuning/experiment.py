"""The search for hyperparameters: trials, and the confirmation of the best one."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sen2naip_sr.experiments.running.length import mark_short, nothing_said, too_short
from sen2naip_sr.experiments.running.outcome import read_scores
from sen2naip_sr.experiments.running.setting import Done, Findings, Setting
from sen2naip_sr.experiments.tuning import confirmation, findings
from sen2naip_sr.experiments.tuning.figure import draw_search
from sen2naip_sr.experiments.tuning.parameters import TuningParameters
from sen2naip_sr.experiments.tuning.results import (
    best_parameters,
    importance,
    trial_table,
    with_intervals,
)
from sen2naip_sr.experiments.tuning.search import search


@dataclass(frozen=True)
class Searched:
    """A search that has ended.

    Attributes:
        trials: From `sen2naip_sr.experiments.tuning.results.trial_table`.
        importance: The share of the score's variance that each hyperparameter explains.
        best: The network's parameters with the best trial's values, as in a configuration file.
        figure: Of the search.
    """

    trials: pd.DataFrame
    importance: Mapping[str, float]
    best: Mapping[str, Any]
    figure: Figure


def tune(parameters: TuningParameters, setting: Setting, done: Done | None = None) -> Findings:
    """Search hyperparameters, and compare the best trial with the network's own parameters.

    ``done`` is called with each trial and each training of the confirmation that ends.
    """
    searched = search_hyperparameters(parameters, setting, done)
    text = confirm(parameters, setting, searched.trials, searched.best, done)
    more = {"importance": searched.importance, "best": searched.best, "figure": searched.figure}
    return Findings(text, searched.trials, more)


def search_hyperparameters(
    parameters: TuningParameters, setting: Setting, done: Done | None = None
) -> Searched:
    """Run the trials; see `sen2naip_sr.experiments.tuning.search.search`."""
    model, network = setting.network(parameters.model)
    own = setting.below(model)
    confirmation.require_start_unseen(parameters, model, network, own.splits, hr=own.hr)
    study = search(parameters, own, partial(done, own.folder) if done else None)
    trials = with_intervals(trial_table(study), own.folder, own.evaluation)
    short = findings.short_trials(trials)
    shares = {} if short else importance(study)
    best = best_parameters(study, network)
    figure = draw_search(trials, shares, parameters.space)
    return Searched(trials, shares, best, mark_short(figure, short) if short else figure)


def confirm(
    parameters: TuningParameters,
    setting: Setting,
    trials: pd.DataFrame,
    best: Mapping[str, Any],
    done: Done | None = None,
) -> str:
    """Compare the best trial on places that the search has not scored; describe all findings."""
    model, network = setting.network(parameters.model)
    own = setting.below(model)
    if short := findings.short_trials(trials):
        return f"{model}: {nothing_said(short)}"
    text = f"{model}: {findings.describe_search(trials, best, list(parameters.space))}"
    variations = confirmation.plan_confirmation(
        parameters, model, network, best, own.splits, hr=own.hr
    )
    if not variations:
        if findings.is_own_best(trials):
            return text
        return f"{text} Not confirmed: {confirmation.why_not(parameters, own.splits)}."
    outcomes = own.run(variations, parameters.workers, done)
    if any(outcome.error for outcome in outcomes):
        return f"{text} {findings.describe_confirmation_failures(outcomes)}"
    if short := too_short(outcomes):
        return f"{text} Not confirmed. {nothing_said(short)}"
    pair = confirmation.compare_with_own(read_scores(own.folder, outcomes), own.evaluation)
    return f"{text} {findings.describe_confirmation(pair)}"
