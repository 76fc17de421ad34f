"""The search for hyperparameters: an Optuna study whose trials are variations.

Trials are proposed by tree-structured Parzen estimators (Bergstra et al. 2011, "Algorithms for
Hyper-Parameter Optimization") and pruned by asynchronous successive halving (Li et al. 2020,
https://arxiv.org/abs/1810.05934), as Optuna has them. The study lies in SQLite: several processes
can work on it, and one that was killed goes on.
"""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pandas as pd
from optuna.trial import FrozenTrial, Trial, TrialState
from pydantic import ValidationError

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.held_out import fold_splits, without_test
from sen2naip_sr.experiments.runner import run_variation
from sen2naip_sr.experiments.tuning_parameters import RangeParameters, TuningParameters
from sen2naip_sr.experiments.variation import Outcome, Variation, varied
from sen2naip_sr.models.parameters import summarise
from sen2naip_sr.raster.store import Store
from sen2naip_sr.splits import TEST, VALIDATION, split_hash

if TYPE_CHECKING:
    from optuna import Study

SPACE, DATA = "space", "data"
STUDY = "study.db"
ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
logger = logging.getLogger(__name__)

Done = Callable[[Variation, Outcome], object]


def open_study(
    folder: Path, parameters: TuningParameters, model: str, known: Mapping[str, Any]
) -> "Study":
    """Return the study of a folder, a new one where there is none.

    Args:
        folder: Where its database lies.
        parameters: The search.
        model: The network's name.
        known: What else its trials depend on.

    Raises:
        UserError: If it was begun with another search space, network or data: names what differs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    samplers = {
        "tpe": lambda: optuna.samplers.TPESampler(
            seed=parameters.seed, multivariate=True, constant_liar=parameters.workers > 1
        ),
        "random": lambda: optuna.samplers.RandomSampler(seed=parameters.seed),
        "gp": lambda: optuna.samplers.GPSampler(seed=parameters.seed),
    }
    study = optuna.create_study(
        study_name=model,
        storage=f"sqlite:///{folder / STUDY}",
        direction="maximize",
        sampler=samplers[parameters.sampler](),
        pruner=optuna.pruners.SuccessiveHalvingPruner(
            min_resource=parameters.first_rung, reduction_factor=parameters.reduction
        ),
        load_if_exists=True,
    )
    space = {name: found.model_dump() for name, found in parameters.space.items()}
    begun = study.user_attrs
    if SPACE in begun:
        _refuse_other(folder, begun[SPACE], space, "search space")
        _refuse_other(folder, begun[DATA], dict(known), "training or data")
    else:
        study.set_user_attr(SPACE, space)
        study.set_user_attr(DATA, dict(known))
    return study


def tune(  # noqa: PLR0913, PLR0917 - one a dataset
    parameters: TuningParameters,
    model: str,
    network: Mapping[str, Any],
    splits: pd.DataFrame,
    hr: Store,
    lr: Store,
    folder: Path,
    evaluation: EvaluationParameters,
    done: Done | None = None,
) -> "Study":
    """Run trials until there are as many as asked for; those of earlier runs count.

    Each trial is scored on the validation chips. Test chips take no part.

    Args:
        parameters: The search.
        model: The network's name.
        network: Its parameters.
        splits: From `sen2naip_sr.splits.make_splits`.
        hr: HR chips.
        lr: Their LR chips.
        folder: Where study and trials are kept.
        evaluation: How held-out chips are scored.
        done: Called with each trial that came to its end.

    Raises:
        UserError: If the space names what a network does not have, or the study was begun with
            another one.
    """
    base = varied(network, {"training": parameters.training}).model_dump(mode="json")
    usable = without_test(splits)
    start = {name: _held(base, name) for name in parameters.space}
    known = {
        "network": base,
        "data": hr.manifest.content,
        "recipe": lr.attributes["recipe"],
        "split": split_hash(usable),
    }
    study = open_study(folder, parameters, model, known)
    if not study.trials:
        study.enqueue_trial(start, skip_if_exists=True)

    def objective(trial: Trial) -> float:
        values = {name: suggest(trial, name, found) for name, found in parameters.space.items()}
        try:
            changed = varied(base, _nested(values))
        except ValidationError as error:
            raise UserError(f"tune.space: {summarise(error)}", "correct the space") from error
        name = f"trial {trial.number}"
        variation = Variation(name, model, changed, usable, {"trial": str(trial.number)})

        def report(metrics: dict[str, float], step: int) -> None:
            if "validation_psnr" in metrics and step:
                trial.report(metrics["validation_psnr"], step // changed.training.validate_every)
                if trial.should_prune():
                    raise optuna.TrialPruned

        outcome = run_variation(variation, hr, lr, folder / name, evaluation, report)
        if done:
            done(variation, outcome)
        if outcome.error or outcome.psnr is None:
            trial.set_user_attr("error", outcome.error)
            raise RuntimeError(outcome.error)
        logger.info("trial %d: %.2f dB", trial.number, outcome.psnr)
        return outcome.psnr

    def enough(study: "Study", _: FrozenTrial) -> None:
        if len(study.get_trials(deepcopy=False, states=ENDED)) >= parameters.trials:
            study.stop()

    ended = len(study.get_trials(deepcopy=False, states=ENDED))
    if ended < parameters.trials:
        study.optimize(
            objective,
            n_trials=parameters.trials - ended,
            callbacks=[enough],
            catch=(RuntimeError,),
        )
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        errors = [trial.user_attrs.get("error") for trial in study.trials]
        raise UserError(f"no trial came to its end: {errors[-1]}", "correct that, and run again")
    return study


def suggest(trial: Trial, name: str, found: RangeParameters) -> Any:
    """Draw a hyperparameter's value."""
    if found.choices is not None:
        return trial.suggest_categorical(name, found.choices)
    assert found.low is not None and found.high is not None
    if found.whole:
        return trial.suggest_int(
            name, int(found.low), int(found.high), step=int(found.step or 1), log=found.log
        )
    return trial.suggest_float(name, found.low, found.high, step=found.step, log=found.log)


def best_parameters(
    study: "Study", parameters: TuningParameters, network: Mapping[str, Any]
) -> Any:
    """Return a network's parameters with the best trial's values, as conf takes them."""
    best = study.best_trial.params
    return varied(network, _nested(best)).model_dump(mode="json", exclude_defaults=True)


def trial_table(study: "Study") -> pd.DataFrame:
    """Return a row a trial: number, state, psnr, seconds, validations, and a column a value."""
    return pd.DataFrame(
        [
            {
                "trial": trial.number,
                "state": trial.state.name.lower(),
                "psnr": trial.value if trial.state == TrialState.COMPLETE else None,
                "last_psnr": trial.intermediate_values[max(trial.intermediate_values)]
                if trial.intermediate_values
                else None,
                "validations": len(trial.intermediate_values),
                "seconds": trial.duration.total_seconds() if trial.duration else None,
                **trial.params,
            }
            for trial in study.trials
        ]
    )


def importance(study: "Study") -> dict[str, float]:
    """Return how much of the score's variance each hyperparameter explains (fANOVA).

    Hutter, Hoos and Leyton-Brown 2014, "An Efficient Approach for Assessing Hyperparameter
    Importance". Empty with fewer than four trials that came to their end.
    """
    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(ended) < 4 or len({trial.value for trial in ended}) < 2:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def confirmation(
    parameters: TuningParameters,
    model: str,
    network: Mapping[str, Any],
    best: Mapping[str, Any],
    splits: pd.DataFrame,
) -> list[Variation]:
    """Return two trainings that compare the best trial with the network's own parameters.

    They hold out a fold of training places: the search has seen the scores of the validation
    places, so that its best trial looks better there than it is.

    Args:
        parameters: The search.
        model: The network's name.
        network: Its own parameters.
        best: From `best_parameters`.
        splits: From `sen2naip_sr.splits.make_splits`.

    Returns:
        Empty where every fold holds validation places, or none is wanted.
    """
    searched = set(splits.loc[splits["split"] == VALIDATION, "place"])
    usable = splits[(splits["split"] != TEST) & (splits["fold"] >= 0)]
    by_fold = usable.groupby("fold")["place"].agg(set)
    fresh = [fold for fold, places in by_fold.items() if not places & searched]
    if parameters.confirm is None or not fresh:
        return []
    held_out = fold_splits(splits, int(fresh[0]))
    common = ({"training": parameters.training}, {"training": parameters.confirm})
    last = {"training": {"keep": "last", "patience": None}}
    values = _nested({name: _held(best, name) for name in parameters.space})
    return [
        Variation("own parameters", model, varied(network, *common, last), held_out),
        Variation("best trial", model, varied(network, *common, values, last), held_out),
    ]


def _refuse_other(folder: Path, begun: Any, asked: Any, what: str) -> None:
    begun, asked = (json.loads(json.dumps(value)) for value in (begun, asked))
    if begun == asked:
        return
    names = [name for name in {**begun, **asked} if begun.get(name) != asked.get(name)]
    listed = "; ".join(f"{name}: {begun.get(name)} then, {asked.get(name)} now" for name in names)
    raise UserError(
        f"{folder / STUDY}: this study was begun with another {what} ({listed})",
        "ask for the same, or move the folder away and begin a new study",
    )


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in values.items():
        *groups, last = name.split(".")
        inner = nested
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[last] = value
    return nested


def _held(parameters: Mapping[str, Any], name: str) -> Any:
    value: Any = parameters
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise UserError(
                f"tune.space: the network has no parameter '{name}'",
                "name it as parameters_*.yml does, and set it there, e.g. training.learning_rate",
            )
        value = value[part]
    return value
