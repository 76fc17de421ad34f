"""Cross-validation: how much the score depends on which places are held out.

Folds are groups of whole places. Each is held out once, while the others train, and is scored once
with the last weights, so that it chooses neither weights nor the end of the training. Test chips
take no part.
"""

import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sen2naip_sr.chips.splits import refold
from sen2naip_sr.chips.store import Store
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.columns import ALL_BANDS
from sen2naip_sr.evaluation.comparison import best_interpolation
from sen2naip_sr.evaluation.paired.bootstrap import mean_interval
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.comparison.figure import draw_folds
from sen2naip_sr.experiments.comparison.pairs import describe_columns, pair_columns
from sen2naip_sr.experiments.comparison.parameters import CrossValidationParameters
from sen2naip_sr.experiments.running.baseline import score_interpolations, scored_chips
from sen2naip_sr.experiments.running.held_out import (
    UNSELECTED,
    fold_splits,
    refuse_plateau,
    require_unseen,
)
from sen2naip_sr.experiments.running.length import mark_short, nothing_said, too_short
from sen2naip_sr.experiments.running.outcome import read_scores
from sen2naip_sr.experiments.running.setting import Done, Findings, Setting, describe_failures
from sen2naip_sr.experiments.running.variation import Variation, varied

POOLED = "all folds"

logger = logging.getLogger(__name__)


def cross_validate(
    parameters: CrossValidationParameters, setting: Setting, done: Done | None = None
) -> Findings:
    """Train a network once for each fold, and describe how much the scores differ, with a figure.

    Raises:
        UserError: If the folds or the training are not valid, or all trainings fail.
    """
    model, network = setting.network(parameters.model)
    variations = plan_folds(
        parameters, model, network, setting.splits, setting.folds, hr=setting.hr
    )
    outcomes = setting.run(variations, parameters.workers, done)
    scores = read_scores(setting.folder, outcomes)
    plain = score_interpolations(
        setting.hr, setting.lr, scored_chips(scores), setting.folder, setting.evaluation
    )
    best = plain[plain["method"] == best_interpolation(plain)]
    table = summarise_folds(scores, best, model, setting.evaluation)
    figure, short = draw_folds(table), too_short(outcomes)
    if short:  # all folds are trained alike, so that no part of them says more
        text, figure = nothing_said(short), mark_short(figure, short)
    else:
        text = describe_folds(table, model)
    return Findings(text + describe_failures(outcomes), table, {"figure": figure})


def plan_folds(  # noqa: PLR0913 - the last one is a keyword
    parameters: CrossValidationParameters,
    model: str,
    network: Mapping[str, Any],
    splits: pd.DataFrame,
    wanted: int,
    *,
    hr: Store | None = None,
) -> list[Variation]:
    """Return a variation for each fold of the splits.

    Args:
        parameters: The number of folds, and what is changed of the training.
        model: The network's name.
        network: Its parameters.
        splits: The chips and their folds.
        wanted: How many folds these were to have, where the parameters ask for no number.
        hr: HR chips; see `require_unseen`.

    Raises:
        UserError: If there are fewer places than folds, what is held out would steer the
            training, or the weights to start from have seen it.
    """
    if parameters.folds:
        splits = refold(splits, parameters.folds, parameters.seed)
    folds = sorted(set(splits["fold"]) - {-1})
    if len(folds) < 2:
        raise UserError(
            "too-few-folds",
            "the splits have fewer than two folds",
            "add imagery of other places: each fold consists of whole places",
        )
    if not parameters.folds and len(folds) < wanted:
        logger.warning(
            "%d folds instead of the %d asked for: there are no more places beside the test places",
            len(folds),
            wanted,
        )
    changed = varied(network, {"training": parameters.training}, UNSELECTED)
    refuse_plateau(changed.training.schedule.name)
    variations = [
        Variation(f"fold {fold}", model, changed, fold_splits(splits, fold), {"fold": str(fold)})
        for fold in folds
    ]
    for variation in variations:
        require_unseen(model, changed, variation.splits, hr)
    return variations


def summarise_folds(
    scores: pd.DataFrame, plain: pd.DataFrame, model: str, evaluation: EvaluationParameters
) -> pd.DataFrame:
    """Summarise out-of-fold scores: one row for each fold, and one for all folds.

    Args:
        scores: Of each fold's held-out chips; ``method`` is the fold.
        plain: Scores of the best interpolation on the same chips.
        model: The network's name.
        evaluation: How intervals are computed.

    Returns:
        Columns fold, places, n_chips, psnr, psnr_low, psnr_high (95 %, over locations; NaN for a
        fold of one location), and the paired difference to the interpolation: delta_psnr,
        delta_low, delta_high, delta_p, delta_verdict.
    """
    joint = scores[scores["band"] == ALL_BANDS]
    options = {"draws": evaluation.bootstrap_draws, "seed": evaluation.bootstrap_seed}
    rows = []
    for name, group in [*joint.groupby("method"), (POOLED, joint)]:
        mean = mean_interval(group["psnr"].to_numpy(), group["location"].to_numpy(), **options)
        both = pd.concat([group.assign(method=model), plain[plain["chip"].isin(group["chip"])]])
        pair = (model, str(plain["method"].iloc[0]))
        (delta,) = pair_columns("delta", [pair], both, evaluation).to_dict("records")
        rows.append(
            {
                "fold": name,
                "places": ", ".join(sorted(group["place"].unique())) if name != POOLED else "",
                "n_chips": len(group),
                "psnr": mean.mean,
                "psnr_low": mean.low,
                "psnr_high": mean.high,
                **{key: value for key, value in delta.items() if key != "method"},
            }
        )
    return pd.DataFrame(rows)


def describe_folds(table: pd.DataFrame, model: str) -> str:
    """Say in words how much the score depends on which places are held out."""
    folds = table[table["fold"] != POOLED]
    (pooled,) = table[table["fold"] == POOLED].to_dict("records")
    psnr, gains = folds["psnr"], folds["delta_psnr"]
    return (
        f"{model}: {pooled['psnr']:.2f} dB [{pooled['psnr_low']:.2f}, {pooled['psnr_high']:.2f}] "
        f"over {pooled['n_chips']} chips, each scored once by a network that was not trained on "
        f"its place. Against the best interpolation: {describe_columns('delta', pooled)}. "
        f"Scores of the folds range over {psnr.max() - psnr.min():.2f} dB ({psnr.min():.2f} to "
        f"{psnr.max():.2f}), gains over {gains.max() - gains.min():.2f} dB ({gains.min():+.2f} to "
        f"{gains.max():+.2f}). The gain is above zero in {(gains > 0).sum()} of {len(folds)} folds."
    )
