"""Nodes of the experiments.

Heavy imports stand inside the functions: listing pipelines needs none of them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sen2naip_sr.chips.parameters import PreprocessingParameters
from sen2naip_sr.chips.store import Store
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.dimension.parameters import IntrinsicDimensionParameters
from sen2naip_sr.experiments.running.parameters import (
    CrossValidationParameters,
    OverfitParameters,
    StudyParameters,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sen2naip_sr.experiments.running.outcome import Outcome
    from sen2naip_sr.experiments.running.variation import Variation
else:  # Kedro evaluates the nodes' hints, which must not cost an import of torch
    Figure = Outcome = Variation = Any


def plan_folds(
    parameters: CrossValidationParameters,
    model: str,
    splits: pd.DataFrame,
    preprocessing: PreprocessingParameters,
    **networks: Any,
) -> list[Variation]:
    """Return a training for each fold."""
    from sen2naip_sr.experiments.comparison import cross_validation

    name = parameters.model or model
    network = network_parameters(networks, name)
    return cross_validation.plan_folds(
        parameters, name, network, splits, preprocessing.splits.folds
    )


def plan_study(
    parameters: StudyParameters, model: str, splits: pd.DataFrame, **networks: Any
) -> list[Variation]:
    """Return a training for each variation of a study."""
    from sen2naip_sr.experiments.comparison import study

    return study.plan_study(parameters, model, _plain(networks), splits)


def plan_overfitting(
    parameters: OverfitParameters, model: str, splits: pd.DataFrame, **networks: Any
) -> list[Variation]:
    """Return the training on a few chips."""
    from sen2naip_sr.experiments.comparison import overfitting

    name = parameters.model or model
    return overfitting.plan_overfitting(
        parameters, name, network_parameters(networks, name), splits
    )


def plan_subspaces(
    parameters: IntrinsicDimensionParameters,
    model: str,
    splits: pd.DataFrame,
    hr: Store,
    **networks: Any,
) -> list[Variation]:
    """Return the training with all weights, and those in random subspaces of them."""
    from sen2naip_sr.experiments.dimension import plan as dimension_plan

    name, bands = parameters.model or model, hr.manifest.shape[1]
    return dimension_plan.plan_subspaces(
        parameters, name, network_parameters(networks, name), splits, bands
    )


def run(  # noqa: PLR0913, PLR0917 - one a dataset
    variations: list[Variation],
    hr: Store,
    lr: Store,
    evaluation: EvaluationParameters,
    parameters: Any,
    folder: Path,
    *,
    experiment: str,
) -> list[Outcome]:
    """Train every variation that has not been, each a nested run in MLflow."""
    from sen2naip_sr.experiments.running.runner import run_variations
    from sen2naip_sr.pipelines.experiments.tracking import track_variation

    return run_variations(
        variations,
        hr,
        lr,
        folder,
        evaluation,
        workers=parameters.workers,
        done=lambda variation, outcome: track_variation(experiment, folder, variation, outcome),
    )


def summarise_folds(  # noqa: PLR0913, PLR0917 - one a dataset
    variations: list[Variation],
    outcomes: list[Outcome],
    hr: Store,
    lr: Store,
    evaluation: EvaluationParameters,
    folder: Path,
) -> tuple[pd.DataFrame, Figure, str]:
    """Return the table of the folds, its figure and the answer."""
    from sen2naip_sr.evaluation.comparison import best_interpolation
    from sen2naip_sr.experiments.comparison import cross_validation
    from sen2naip_sr.experiments.comparison.figure import draw_folds
    from sen2naip_sr.experiments.running.baseline import score_interpolations, scored_chips
    from sen2naip_sr.experiments.running.outcome import read_scores

    scores = read_scores(folder, outcomes)
    plain = score_interpolations(hr, lr, scored_chips(scores), folder, evaluation)
    best = best_interpolation(plain)
    table = cross_validation.summarise_folds(scores, plain[plain["method"] == best], evaluation)
    answer = cross_validation.answer_folds(table, variations[0].model, best)
    return table, draw_folds(table), answer + _failures(outcomes)


def summarise_study(  # noqa: PLR0913, PLR0917 - one a dataset
    variations: list[Variation],
    outcomes: list[Outcome],
    hr: Store,
    lr: Store,
    evaluation: EvaluationParameters,
    folder: Path,
    parameters: StudyParameters,
) -> tuple[pd.DataFrame, Figure, Figure, str]:
    """Return the table of a study, its figure, chips by every network, and the answer."""
    from sen2naip_sr.evaluation.figures.gallery import gallery_figure
    from sen2naip_sr.evaluation.methods import interpolations
    from sen2naip_sr.experiments.comparison import figure as study_figure
    from sen2naip_sr.experiments.comparison import findings as study_answer
    from sen2naip_sr.experiments.comparison import study
    from sen2naip_sr.experiments.running.baseline import score_interpolations, scored_chips
    from sen2naip_sr.experiments.running.outcome import read_methods, read_scores
    from sen2naip_sr.experiments.running.timing import time_networks

    chosen = study.best_of_groups(outcomes)
    scores = read_scores(folder, chosen)
    chips = scored_chips(scores)
    plain = score_interpolations(hr, lr, chips, folder, evaluation)
    methods = read_methods(folder, chosen)
    times = time_networks(methods, hr, lr, int(chips["chip"].iloc[0]), evaluation.accelerator)
    table = study.summarise_study(chosen, scores, plain, evaluation, times)
    draw = {
        "cost": study_figure.draw_costs,
        "losses": study_figure.draw_qualities,
        "bars": study_figure.draw_intervals,
    }[parameters.figure]
    return (
        table,
        draw(table),
        gallery_figure(
            [*interpolations(hr.manifest.shape[1]), *methods],
            pd.concat([scores, plain]),
            table.rename(columns={"variation": "method"}),
            hr,
            lr,
            evaluation,
        ),
        study_answer.answer_study(table, parameters.figure) + _failures(outcomes),
    )


def summarise_overfitting(  # noqa: PLR0913, PLR0917 - one a dataset
    variations: list[Variation],
    outcomes: list[Outcome],
    hr: Store,
    lr: Store,
    evaluation: EvaluationParameters,
    folder: Path,
    parameters: OverfitParameters,
) -> tuple[pd.DataFrame, list[Any], str]:
    """Return the curve as a table, the pictures of the animation, and the answer."""
    from sen2naip_sr.evaluation.comparison import best_interpolation
    from sen2naip_sr.experiments.comparison import overfitting
    from sen2naip_sr.experiments.running.baseline import score_interpolations, scored_chips
    from sen2naip_sr.experiments.running.outcome import FRAMES, read_scores

    (variation,), (outcome,) = variations, outcomes
    chips = scored_chips(read_scores(folder, outcomes))
    plain = score_interpolations(hr, lr, chips, folder, evaluation)
    best = plain[(plain["method"] == best_interpolation(plain)) & (plain["band"] == "all")]
    seen = folder / variation.name / FRAMES / outcome.fingerprint
    frames = overfitting.draw_emergence(seen, variation.watched[0], outcome, hr, lr, parameters)
    table = pd.DataFrame(outcome.curve, columns=["step", "psnr"])
    before = float(best["psnr"].mean())
    answer = overfitting.answer_overfitting(outcome, before, parameters.target_psnr)
    return table, frames, answer


def summarise_dimension(  # noqa: PLR0913, PLR0917 - one a dataset
    variations: list[Variation],
    outcomes: list[Outcome],
    hr: Store,
    lr: Store,
    folder: Path,
    parameters: IntrinsicDimensionParameters,
) -> tuple[pd.DataFrame, pd.DataFrame, Figure, str]:
    """Return the tables of trainings and of estimates from points, their figure and the answer."""
    from sen2naip_sr.experiments.dimension import plan as dimension_plan
    from sen2naip_sr.experiments.dimension import points as dimension_points
    from sen2naip_sr.experiments.dimension.figure import draw_dimension
    from sen2naip_sr.experiments.dimension.findings import answer_dimension
    from sen2naip_sr.experiments.running.outcome import WEIGHTS
    from sen2naip_sr.weights.files import load_weights

    share, whole = parameters.share, variations[0]
    gains = dimension_plan.Gains.of(variations, outcomes, share)
    network = load_weights(folder / whole.name / WEIGHTS).build()
    estimates = dimension_points.estimate_kinds(parameters, hr, lr, whole.splits, network)
    return (
        dimension_plan.tabulate(variations, outcomes, gains, share),
        dimension_points.tabulate_estimates(estimates),
        draw_dimension(gains.subspaces, gains.full, gains.weights, estimates, share),
        answer_dimension(whole.model, gains, share, estimates) + _failures(outcomes),
    )


def network_parameters(networks: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the parameters of the network of that name, as conf has them."""
    from sen2naip_sr.errors import UserError

    if name not in networks:
        raise UserError(
            "unknown-model",
            f"unknown model '{name}'",
            f"choose one of {', '.join(sorted(networks))}",
        )
    return _plain(networks)[name]


def _plain(networks: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the networks' parameters as conf has them."""
    return {
        name: value if isinstance(value, dict) else value.model_dump(mode="json")
        for name, value in networks.items()
    }


def _failures(outcomes: list[Outcome]) -> str:
    failed = [f"{outcome.name} ({outcome.error})" for outcome in outcomes if outcome.error]
    return f" Failed, and left out: {'; '.join(failed)}." if failed else ""
