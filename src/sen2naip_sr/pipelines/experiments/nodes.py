"""Nodes of the experiments: each hands its inputs to the experiment's function.

Heavy imports stand inside the functions: listing pipelines needs none of them.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sen2naip_sr.chips.parameters import PreprocessingParameters
from sen2naip_sr.chips.store import Store
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.comparison.parameters import (
    ComparisonParameters,
    CrossValidationParameters,
    OverfitParameters,
)
from sen2naip_sr.experiments.dimension.parameters import IntrinsicDimensionParameters
from sen2naip_sr.experiments.tuning.parameters import TuningParameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from sen2naip_sr.experiments.running.setting import Done, Findings, Setting
else:  # Kedro evaluates the nodes' hints, which must not cost an import of torch
    DataFrame = Done = Figure = Findings = Setting = Any

Made = dict[str, Any]
"""What an experiment makes, by the last part of the dataset's name."""


def prepare(  # noqa: PLR0913, PLR0917 - one a dataset
    hr: Store,
    lr: Store,
    splits: DataFrame,
    model: str,
    evaluation: EvaluationParameters,
    preprocessing: PreprocessingParameters,
    folder: Path,
    **networks: Any,
) -> Setting:
    """Return what the experiment works with."""
    from sen2naip_sr.experiments.running.setting import Setting

    plain = {
        name: value if isinstance(value, dict) else value.model_dump(mode="json")
        for name, value in networks.items()
    }
    return Setting(hr, lr, splits, evaluation, plain, model, folder, preprocessing.splits.folds)


def cross_validate(
    parameters: CrossValidationParameters, setting: Setting, *, experiment: str
) -> Made:
    """Train a network once for each fold."""
    from sen2naip_sr.experiments.comparison.cross_validation import cross_validate

    return made(cross_validate(parameters, setting, tracked(experiment)))


def compare_variations(
    parameters: ComparisonParameters, setting: Setting, *, experiment: str
) -> Made:
    """Train and compare variations of networks."""
    from sen2naip_sr.experiments.comparison.variations import compare_variations

    return made(compare_variations(parameters, setting, tracked(experiment)))


def overfit(parameters: OverfitParameters, setting: Setting, *, experiment: str) -> Made:
    """Train a network on a few chips."""
    from sen2naip_sr.experiments.comparison.overfitting import overfit

    return made(overfit(parameters, setting, tracked(experiment)))


def find_dimension(
    parameters: IntrinsicDimensionParameters, setting: Setting, *, experiment: str
) -> Made:
    """Find the intrinsic dimension."""
    from sen2naip_sr.experiments.dimension.experiment import find_dimension

    return made(find_dimension(parameters, setting, tracked(experiment)))


def search_hyperparameters(
    parameters: TuningParameters, setting: Setting, *, experiment: str
) -> tuple[DataFrame, dict[str, float], dict[str, Any], Figure]:
    """Run the trials of a search."""
    from sen2naip_sr.experiments.tuning.experiment import search_hyperparameters

    found = search_hyperparameters(parameters, setting, tracked(experiment))
    model, _ = setting.network(parameters.model)
    return found.trials, dict(found.importance), {model: found.best}, found.figure


def confirm_best(
    parameters: TuningParameters,
    setting: Setting,
    study: DataFrame,
    best: dict[str, Any],
    *,
    experiment: str,
) -> str:
    """Compare the best trial with the network's own parameters on other places."""
    from sen2naip_sr.experiments.tuning.experiment import confirm
    from sen2naip_sr.experiments.tuning.findings import short_trials

    ((model, network),) = best.items()
    text = confirm(parameters, setting, study, network, tracked(experiment))
    if short_trials(study):
        return text
    return (
        f"{text} To train with the best: copy tune_best.yml to conf/local/parameters_{model}.yml."
    )


def made(findings: Findings) -> Made:
    """Return findings by the last parts of their datasets' names."""
    return {"table": findings.table, "findings": findings.text, **findings.more}


def tracked(experiment: str) -> Done:
    """Return what logs each training of an experiment as a nested run."""
    from sen2naip_sr.tracking.variations import track_variation

    tracked: Callable[..., object] = partial(track_variation, experiment)
    return tracked
