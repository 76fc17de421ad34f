"""Cross-validation: how far the score depends on which places were held out.

Folds are of whole places. In each, the other folds train and the held-out one is scored once, with
the last weights: it picks neither weights nor the end of the training. Test chips take no part.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sen2naip_sr.chips.splits import refold
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.columns import ALL_BANDS
from sen2naip_sr.evaluation.paired.bootstrap import mean_interval, paired_difference
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.running.held_out import (
    UNSELECTED,
    fold_splits,
    refuse_plateau,
    require_unseen,
)
from sen2naip_sr.experiments.running.parameters import CrossValidationParameters
from sen2naip_sr.experiments.running.variation import Variation, varied

POOLED = "all folds"

logger = logging.getLogger(__name__)


def plan_folds(
    parameters: CrossValidationParameters,
    model: str,
    network: Mapping[str, Any],
    splits: pd.DataFrame,
    wanted: int,
) -> list[Variation]:
    """Return a variation for each fold.

    Args:
        parameters: How.
        model: The network's name.
        network: Its parameters.
        splits: From `sen2naip_sr.chips.splits.make_splits`.
        wanted: How many folds these were to have, where ``parameters`` ask for no number.

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
        require_unseen(model, changed, variation.splits)
    return variations


def summarise_folds(
    scores: pd.DataFrame, plain: pd.DataFrame, evaluation: EvaluationParameters
) -> pd.DataFrame:
    """Summarise out-of-fold scores: a row a fold, and one of all.

    Args:
        scores: Of each fold's held-out chips; ``method`` is the fold.
        plain: Of the best interpolation, on the same chips.
        evaluation: Bootstrap draws and seed.

    Returns:
        Columns fold, places, n_chips, psnr, psnr_low, psnr_high (95 %, over locations; NaN for a
        fold of one location), delta_psnr, delta_low, delta_high (paired, to the interpolation).
    """
    joint = scores[scores["band"] == ALL_BANDS]
    baseline = plain[plain["band"] == ALL_BANDS].set_index("chip")["psnr"]
    options = {"draws": evaluation.bootstrap_draws, "seed": evaluation.bootstrap_seed}
    rows = []
    for name, group in [*joint.groupby("method"), (POOLED, joint)]:
        psnr, locations = group["psnr"].to_numpy(), group["location"].to_numpy()
        mean = mean_interval(psnr, locations, **options)
        delta = paired_difference(
            psnr, baseline.loc[group["chip"]].to_numpy(), locations, **options
        )
        rows.append(
            {
                "fold": name,
                "places": ", ".join(sorted(group["place"].unique())) if name != POOLED else "",
                "n_chips": len(group),
                "psnr": mean.mean,
                "psnr_low": mean.low,
                "psnr_high": mean.high,
                "delta_psnr": delta.mean,
                "delta_low": delta.low,
                "delta_high": delta.high,
            }
        )
    return pd.DataFrame(rows)


def answer_folds(table: pd.DataFrame, model: str, interpolation: str) -> str:
    """Say in words how far the score depends on the split."""
    folds, (pooled,) = table[table["fold"] != POOLED], _records(table[table["fold"] == POOLED])
    spread = folds["psnr"].max() - folds["psnr"].min()
    gains = folds["delta_psnr"]
    return (
        f"{model}: {pooled['psnr']:.2f} dB [{pooled['psnr_low']:.2f}, {pooled['psnr_high']:.2f}] "
        f"over {pooled['n_chips']} chips, each scored once by a network that has not seen its "
        f"place; against {interpolation} {pooled['delta_psnr']:+.2f} dB "
        f"[{pooled['delta_low']:+.2f}, {pooled['delta_high']:+.2f}], {_verdict(pooled)}. "
        f"The folds' scores lie {spread:.2f} dB apart ({folds['psnr'].min():.2f} to "
        f"{folds['psnr'].max():.2f}), their gains {gains.max() - gains.min():.2f} dB "
        f"({gains.min():+.2f} to {gains.max():+.2f}); the gain is above zero in "
        f"{(gains > 0).sum()} of {len(folds)} folds."
    )


def _verdict(pooled: Mapping[str, Any]) -> str:
    if pooled["delta_low"] > 0:
        return "which is better"
    return "which is worse" if pooled["delta_high"] < 0 else "so that no difference is shown"


def _records(table: pd.DataFrame) -> Sequence[dict[str, Any]]:
    return table.to_dict("records")  # type: ignore[return-value]
