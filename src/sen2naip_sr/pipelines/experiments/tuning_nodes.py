"""Nodes of the search for hyperparameters.

Heavy imports stand inside the functions: listing pipelines needs none of them.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sen2naip_sr.chips.store import Store
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.tuning.parameters import TuningParameters
from sen2naip_sr.pipelines.experiments.nodes import network_parameters, run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sen2naip_sr.experiments.running.outcome import Outcome
    from sen2naip_sr.experiments.running.variation import Variation
else:  # Kedro evaluates the nodes' hints, which must not cost an import of torch
    Figure = Outcome = Variation = Any

TUNE = "tune"


def search_hyperparameters(  # noqa: PLR0913, PLR0917 - one a dataset
    parameters: TuningParameters,
    model: str,
    splits: pd.DataFrame,
    hr: Store,
    lr: Store,
    evaluation: EvaluationParameters,
    folder: Path,
    **networks: Any,
) -> tuple[pd.DataFrame, dict[str, float], dict[str, Any]]:
    """Return the trials, what mattered, and the best one's parameters as conf takes them."""
    from sen2naip_sr.experiments.tuning import confirmation
    from sen2naip_sr.experiments.tuning import results as tuning_results
    from sen2naip_sr.experiments.tuning import search as tuning
    from sen2naip_sr.pipelines.experiments.tracking import track_variation

    name = parameters.model or model
    network = network_parameters(networks, name)
    own = folder / name
    confirmation.require_start_unseen(parameters, name, network, splits)
    study = tuning.search(
        parameters,
        name,
        network,
        splits,
        hr,
        lr,
        own,
        evaluation,
        lambda variation, outcome: track_variation(TUNE, own, variation, outcome),
    )
    best = {name: tuning_results.best_parameters(study, network)}
    return tuning_results.trial_table(study), tuning_results.importance(study), best


def draw_search(
    study: pd.DataFrame, importance: dict[str, float], parameters: TuningParameters
) -> Figure:
    """Return the figure of the search."""
    from sen2naip_sr.experiments.tuning import figure as tuning_figure

    return tuning_figure.draw_search(study, importance, parameters.space)


def plan_confirmation(
    parameters: TuningParameters,
    model: str,
    splits: pd.DataFrame,
    best: dict[str, Any],
    **networks: Any,
) -> list[Variation]:
    """Return the trainings that compare the best trial with the network's own parameters."""
    from sen2naip_sr.experiments.tuning import confirmation

    name = parameters.model or model
    network = network_parameters(networks, name)
    return confirmation.plan_confirmation(parameters, name, network, best[name], splits)


def run_confirmation(  # noqa: PLR0913, PLR0917 - one a dataset
    variations: list[Variation],
    hr: Store,
    lr: Store,
    evaluation: EvaluationParameters,
    parameters: TuningParameters,
    folder: Path,
) -> list[Outcome]:
    """Train what was planned, each a nested run in MLflow."""
    if not variations:
        return []
    own = folder / variations[0].model
    return run(variations, hr, lr, evaluation, parameters, own, experiment=TUNE)


def answer_search(  # noqa: PLR0913, PLR0917 - one a dataset
    parameters: TuningParameters,
    study: pd.DataFrame,
    best: dict[str, Any],
    splits: pd.DataFrame,
    variations: list[Variation],
    outcomes: list[Outcome],
    evaluation: EvaluationParameters,
    folder: Path,
) -> str:
    """Return in words what the search has shown."""
    from sen2naip_sr.experiments.running.outcome import read_scores
    from sen2naip_sr.experiments.tuning import confirmation
    from sen2naip_sr.experiments.tuning import findings as tuning_answer

    ((name, network),) = best.items()
    text = f"{name}: {tuning_answer.answer_search(study, network, list(parameters.space))} "
    if not outcomes:
        if tuning_answer.is_own_best(study):
            return text.strip()
        text += f"Not confirmed: {confirmation.why_not(parameters, splits)}."
    elif any(outcome.error for outcome in outcomes):
        text += tuning_answer.answer_failures(outcomes)
    else:
        scores = read_scores(folder / name, outcomes)
        text += tuning_answer.answer_confirmation(*confirmation.difference(scores, evaluation))
    return f"{text} To train with the best: copy tune_best.yml to conf/local/parameters_{name}.yml."
