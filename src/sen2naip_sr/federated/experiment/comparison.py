"""Scores of a federated experiment: at the sites, and on places that no site has."""

from collections.abc import Mapping, Sequence

import pandas as pd

from sen2naip_sr.chips.splits import TEST
from sen2naip_sr.evaluation.columns import ALL_BANDS
from sen2naip_sr.evaluation.comparison import best_interpolation
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.scoring import score_chips
from sen2naip_sr.experiments.comparison.pairs import pair_columns
from sen2naip_sr.experiments.running.baseline import score_interpolations
from sen2naip_sr.experiments.running.outcome import Outcome, read_methods
from sen2naip_sr.experiments.running.setting import Setting
from sen2naip_sr.federated.experiment.arms import ALONE, CENTRAL, Arm
from sen2naip_sr.federated.sites import SiteChips

UNSEEN, AT_SITES = "unseen places", "all sites"
"""Groups of scored chips: all test places, and what all sites hold out."""
ALONE_MEAN = "alone, mean"
"""The mean of the sites' own networks, chip by chip: what a site has on average by itself."""
INTERPOLATION = "best interpolation"
AGAINST = {"over_interpolation": INTERPOLATION, "over_alone": ALONE_MEAN, "over_central": CENTRAL}
"""Columns of differences, by what they are to."""


def score_arms(
    outcomes: Sequence[Outcome], sites: Mapping[str, SiteChips], setting: Setting
) -> pd.DataFrame:
    """Return PSNR of every training and of the interpolations.

    Returns:
        The columns of `sen2naip_sr.evaluation.scoring.score_chips`, and ``where``: the site whose
        held-out chip it is, or ``place`` and its name. ``group`` is `UNSEEN` or `AT_SITES`.
    """
    splits = setting.splits
    tested = splits[splits["split"] == TEST].assign(group=UNSEEN)
    tested["where"] = "place " + tested["place"]
    own = [
        splits[splits["chip"].isin(chips.held_out)].assign(where=f"site {name}", group=AT_SITES)
        for name, chips in sites.items()
    ]
    chips = pd.concat([tested, *own], ignore_index=True)
    if setting.evaluation.chips:
        chips = chips.groupby("group").head(setting.evaluation.chips).reset_index(drop=True)
    every = setting.evaluation.model_copy(update={"chips": None})
    methods = read_methods(setting.folder, outcomes)
    networks = score_chips(methods, setting.hr, setting.lr, chips, every, only=("psnr",))
    plain = score_interpolations(setting.hr, setting.lr, chips, setting.folder, every)
    scores = pd.concat([networks, plain], ignore_index=True)
    scores = scores[scores["band"] == ALL_BANDS]
    return scores.merge(chips[["chip", "where", "group"]], on="chip")


def compare_arms(
    scores: pd.DataFrame, arms: Sequence[Arm], outcomes: Sequence[Outcome],
    sent: Mapping[str, float], evaluation: EvaluationParameters,
) -> pd.DataFrame:  # fmt: skip
    """Summarise scores: a row for each training and group of chips.

    Args:
        scores: From `score_arms`.
        arms: The trainings.
        outcomes: Theirs.
        sent: Megabytes that a federated one sent, by name.
        evaluation: How intervals are computed.

    Returns:
        Columns method, where, n_chips, psnr (mean, dB), gain (mean difference to the best
        interpolation of the unseen places, dB), and for the groups `UNSEEN` and `AT_SITES` the
        paired differences over_interpolation, over_alone and over_central: each with _psnr, _low,
        _high (dB), _p and _verdict. steps (of each site), crops (of all sites), megabytes.
    """
    methods = [outcome.name for outcome in outcomes if not outcome.error]
    best = best_interpolation(scores[scores["group"] == UNSEEN])
    scores = _with_references(scores, best)
    rows = []
    for where, part in _parts(scores):
        means = part.groupby("method")["psnr"].mean()
        listed = [name for name in (*methods, ALONE_MEAN, INTERPOLATION) if name in means]
        table = pd.DataFrame(
            {
                "method": listed,
                "where": where,
                "n_chips": part["chip"].nunique(),
                "psnr": [means[name] for name in listed],
                "gain": [means[name] - means[INTERPOLATION] for name in listed],
            }
        )
        if where in (UNSEEN, AT_SITES):
            for stem, other in AGAINST.items():
                pairs = [(name, other) for name in listed if name != other]
                if other in listed:
                    found = pair_columns(stem, pairs, part, evaluation)
                    table = table.merge(found, on="method", how="left")
        rows.append(table)
    costs = pd.DataFrame([_cost(arm, sent) for arm in arms])
    return pd.concat(rows, ignore_index=True).merge(costs, on="method", how="left")


def _with_references(scores: pd.DataFrame, best: str) -> pd.DataFrame:
    """Return the scores of networks and, under names of their own, what they are compared with."""
    trained = scores["trained"].astype(bool)
    kept = [scores[trained], scores[scores["method"] == best].assign(method=INTERPOLATION)]
    alone = scores[scores["method"].str.startswith(ALONE) & trained]
    if len(alone):
        mean = alone.groupby("chip", as_index=False)["psnr"].mean()
        first = alone.drop_duplicates("chip").drop(columns="psnr").assign(method=ALONE_MEAN)
        kept.append(first.merge(mean, on="chip"))
    return pd.concat(kept, ignore_index=True)


def _parts(scores: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    groups = [(name, scores[scores["group"] == name]) for name in (UNSEEN, AT_SITES)]
    return groups + [(str(where), part) for where, part in scores.groupby("where")]


def _cost(arm: Arm, sent: Mapping[str, float]) -> dict[str, object]:
    training, name = arm.variation.parameters.training, arm.variation.name
    copies = len(arm.sites) if arm.sites else 1
    steps = training.steps or 0
    return {
        "method": name,
        "steps": steps,
        "crops": steps * training.batch_size * copies,
        "megabytes": sent.get(name),
    }
