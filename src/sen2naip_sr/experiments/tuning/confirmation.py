"""Confirmation: is the best trial better on places that the search has not scored?

The best of many trials looks better than it is on the chips that chose it.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from sen2naip_sr.chips.splits import TEST, VALIDATION
from sen2naip_sr.chips.store import Store
from sen2naip_sr.evaluation.comparison import psnr_by_chip
from sen2naip_sr.evaluation.paired.comparison import compare_pairs
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.running.held_out import (
    UNSELECTED,
    fold_splits,
    refuse_plateau,
    require_unseen,
    without_test,
)
from sen2naip_sr.experiments.running.variation import Variation, varied
from sen2naip_sr.experiments.tuning.parameters import TuningParameters
from sen2naip_sr.experiments.tuning.search_space import full_parameters, held_value, with_values
from sen2naip_sr.metrics.catalogue import METRICS
from sen2naip_sr.training.parameters import NetworkParameters

OWN, BEST = "own parameters", "best trial"


def plan_confirmation(  # noqa: PLR0913 - the last one is a keyword
    parameters: TuningParameters,
    model: str,
    network: Mapping[str, Any],
    best: Mapping[str, Any],
    splits: pd.DataFrame,
    *,
    hr: Store | None = None,
) -> list[Variation]:
    """Return two trainings that compare the best trial with the network's own parameters.

    They hold out a fold of training places, which is scored once. There are none if every fold
    holds validation places, no confirmation is asked for, or the best trial has the network's own
    values.

    Raises:
        UserError: If held-out chips would steer a training, or the initial weights were trained on
            them.
    """
    fold = fresh_fold(splits)
    own = full_parameters(model, network, parameters.training)
    # best names every hyperparameter, so that none is left to a default
    values = {name: held_value(best, name) for name in parameters.space}
    unchanged = all(held_value(own, name) == value for name, value in values.items())
    if parameters.confirm is None or fold is None or unchanged:
        return []
    base = varied(own, {"training": parameters.confirm}, UNSELECTED).model_dump(mode="json")
    changed = NetworkParameters.model_validate(with_values(base, values))
    tags = {"fold": str(fold), "confirmation": "true"}
    held_out = fold_splits(splits, fold)
    for trained in (NetworkParameters.model_validate(base), changed):
        refuse_plateau(trained.training.schedule.name)
    require_unseen(model, changed, held_out, hr)
    return [
        Variation(OWN, model, NetworkParameters.model_validate(base), held_out, tags),
        Variation(BEST, model, changed, held_out, tags),
    ]


def require_start_unseen(
    parameters: TuningParameters,
    model: str,
    network: Mapping[str, Any],
    splits: pd.DataFrame,
    *,
    hr: Store | None = None,
) -> None:
    """Check that initial weights were not trained on what search or confirmation hold out.

    Raises:
        UserError: If they were.
    """
    own, fold = varied(network), fresh_fold(splits)
    require_unseen(model, own, without_test(splits), hr)
    if parameters.confirm is not None and fold is not None:
        require_unseen(model, own, fold_splits(splits, fold), hr)


def fresh_fold(splits: pd.DataFrame) -> int | None:
    """Return the fold with the most locations among those without a validation chip, if any."""
    usable = splits[(splits["split"] != TEST) & (splits["fold"] >= 0)]
    searched = set(splits.loc[splits["split"] == VALIDATION, "fold"])
    locations = usable[~usable["fold"].isin(searched)].groupby("fold")["location"].nunique()
    if locations.empty:
        return None
    return int(locations.index.to_numpy()[locations.to_numpy().argmax()])


def compare_with_own(scores: pd.DataFrame, evaluation: EvaluationParameters) -> dict[Hashable, Any]:
    """Compare the best trial with the network's own parameters in PSNR, paired by chip.

    The result is a row of `sen2naip_sr.evaluation.paired.comparison.compare_pairs`.
    """
    psnr, locations = psnr_by_chip(scores)
    table = compare_pairs(psnr, locations, [(BEST, OWN)], METRICS["psnr"], evaluation.resampling)
    return table.to_dict("records")[0]


def why_not(parameters: TuningParameters, splits: pd.DataFrame) -> str:
    """Return why `plan_confirmation` planned nothing."""
    if parameters.confirm is None:
        return "no confirmation is configured"
    if fresh_fold(splits) is None:
        return "every fold holds validation places"
    return "the best trial has the network's own values"
