"""Studies: variations trained on the same chips with the same budget, and compared."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from pydantic import ValidationError

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.comparison import compare_methods
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.scoring import ALL_BANDS
from sen2naip_sr.experiments.held_out import require_unseen, without_test
from sen2naip_sr.experiments.parameters import StudyParameters
from sen2naip_sr.experiments.variation import Outcome, Variation, varied
from sen2naip_sr.metrics.bootstrap import paired_difference
from sen2naip_sr.models.parameters import NETWORK_PARAMETERS, summarise


def plan_study(
    parameters: StudyParameters,
    model: str,
    networks: Mapping[str, Mapping[str, Any]],
    splits: pd.DataFrame,
) -> list[Variation]:
    """Return the variations of a study; held out are the validation places.

    Args:
        parameters: What varies.
        model: The network where nothing else is said.
        networks: The parameters of all networks.
        splits: From `sen2naip_sr.splits.make_splits`.

    Raises:
        UserError: If a variation's network or parameters are not valid, or the weights that it
            starts from have another size or have seen what is held out.
    """
    usable = without_test(splits)
    variations = []
    for name, variation in parameters.variations.items():
        network = variation.model or parameters.model or model
        if network not in networks:
            raise UserError(
                f"variation '{name}': unknown model '{network}'",
                f"use one of {', '.join(sorted(networks))}",
            )
        try:
            changed = varied(
                networks[network], {"training": parameters.training}, variation.changes
            )
            NETWORK_PARAMETERS[network].model_validate(changed.architecture)
        except ValidationError as error:
            raise UserError(f"variation '{name}': {summarise(error)}", "correct it") from error
        if changed.start_from and variation.architecture is not None:
            raise UserError(
                f"variation '{name}': it has another architecture, but {network}.start_from gives "
                "every variation the size of those weights",
                f"set {network}.start_from to null, or leave out the variation's architecture",
            )
        require_unseen(network, changed, usable)
        rate = changed.training.learning_rate
        for factor in parameters.learning_rates or [1.0]:
            scaled = varied(
                changed.model_dump(mode="json"), {"training": {"learning_rate": factor * rate}}
            )
            full = f"{name}, rate {factor * rate:g}" if parameters.learning_rates else name
            variations.append(Variation(full, network, scaled, usable, {"group": name}))
    return variations


def best_of_groups(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return of each group (one variation at several learning rates) the one of highest PSNR."""
    best: dict[str, Outcome] = {}
    for outcome in outcomes:
        group = outcome.tags["group"]
        if outcome.psnr is None:
            continue
        held = best.get(group)
        if held is None or held.psnr is None or outcome.psnr > held.psnr:
            best[group] = outcome
    return list(best.values())


def summarise_study(
    outcomes: Sequence[Outcome],
    scores: pd.DataFrame,
    plain: pd.DataFrame,
    evaluation: EvaluationParameters,
    milliseconds: Mapping[str, float],
) -> pd.DataFrame:
    """Summarise a study: a row a variation, the best PSNR first.

    Args:
        outcomes: Those that did not fail.
        scores: Of their held-out chips; ``method`` is the variation.
        plain: Of the interpolations, on the same chips.
        evaluation: Bootstrap draws and seed.
        milliseconds: For a megapixel of the result, by variation; from
            `sen2naip_sr.experiments.timing.time_networks`.

    Returns:
        The columns of `sen2naip_sr.evaluation.comparison.compare_methods` with variation for
        method, and model, parameters, multiply_adds (for each LR pixel), milliseconds (for a
        megapixel of the result), training_seconds and steps, n_places, and behind_best,
        behind_low, behind_high: the paired difference to the best variation, dB.
    """
    table = compare_methods(
        pd.concat([scores, plain]), evaluation.bootstrap_draws, evaluation.bootstrap_seed
    )
    costs = pd.DataFrame(
        [
            {
                "method": outcome.name,
                "model": outcome.model,
                "parameters": outcome.parameters,
                "multiply_adds": outcome.multiply_adds,
                "training_seconds": outcome.seconds,
                "steps": outcome.steps,
            }
            for outcome in outcomes
        ]
    )
    table = costs.merge(table, on="method").sort_values("psnr", ascending=False, ignore_index=True)
    table["n_places"] = scores["place"].nunique()
    # those that were taken beside other trainings compare nothing
    table = table.drop(columns="seconds_per_megapixel")
    table["milliseconds"] = table["method"].map(milliseconds)
    joint = scores[scores["band"] == ALL_BANDS].set_index("chip")
    locations = joint.groupby(level=0)["location"].first()
    psnr = joint.pivot(columns="method", values="psnr").loc[locations.index]
    behind = [
        paired_difference(
            psnr[name].to_numpy(),
            psnr[table["method"].iloc[0]].to_numpy(),
            locations.to_numpy(),
            draws=evaluation.bootstrap_draws,
            seed=evaluation.bootstrap_seed,
        )
        for name in table["method"]
    ]
    table["behind_best"] = [difference.mean for difference in behind]
    table["behind_low"] = [difference.low for difference in behind]
    table["behind_high"] = [difference.high for difference in behind]
    for cost in ("parameters", "multiply_adds", "milliseconds"):
        table[f"on_front_{cost}"] = pareto_front(table["psnr"], table[cost])
    return table.rename(columns={"method": "variation"})


def pareto_front(gain: pd.Series, cost: pd.Series) -> list[bool]:
    """Return which rows no other beats: as high a gain at a lower cost, or a higher at the same."""
    rows = list(zip(gain, cost, strict=True))
    return [
        not any(g >= mine and c <= mine_cost and (g, c) != (mine, mine_cost) for g, c in rows)
        for mine, mine_cost in rows
    ]


def answer_study(table: pd.DataFrame) -> str:
    """Say in words which variations are better, as far as the intervals show it."""
    best = table.iloc[0]
    others = table.iloc[1:]
    behind = others[others["behind_high"] < 0]
    level = others[~(others["behind_high"] < 0)]
    text = [
        f"Best: {best['variation']}, {best['psnr']:.2f} dB "
        f"({best['delta_psnr']:+.2f} [{best['delta_low']:+.2f}, {best['delta_high']:+.2f}] to the "
        f"best interpolation) on {best['n_chips']} held-out chips."
    ]
    if len(level):
        text.append(f"No difference to it shown for: {', '.join(level['variation'])}.")
    if len(behind):
        listed = (
            f"{row['variation']} ({row['behind_best']:+.2f} "
            f"[{row['behind_low']:+.2f}, {row['behind_high']:+.2f}])"
            for _, row in behind.iterrows()
        )
        text.append(f"Behind it, in dB with 95 % intervals: {', '.join(listed)}.")
    if best["n_places"] == 1:
        text.append("The held-out chips are of one place: of others this tells nothing.")
    return " ".join(text)
