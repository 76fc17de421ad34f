"""Studies: variations trained on the same chips with the same budget, and compared."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.comparison import compare_methods, psnr_by_chip
from sen2naip_sr.evaluation.paired.bootstrap import paired_difference
from sen2naip_sr.evaluation.paired.holm import holm_adjusted
from sen2naip_sr.evaluation.paired.permutation import sign_flip_p_value
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.running.held_out import require_unseen, without_test
from sen2naip_sr.experiments.running.outcome import Outcome
from sen2naip_sr.experiments.running.parameters import StudyParameters
from sen2naip_sr.experiments.running.variation import Variation, varied
from sen2naip_sr.models.networks import architecture_parameters
from sen2naip_sr.parameters import summarise


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
        splits: From `sen2naip_sr.chips.splits.make_splits`.

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
                "unknown-model",
                f"variation '{name}': unknown model '{network}'",
                f"use one of {', '.join(sorted(networks))}",
            )
        try:
            changed = varied(
                networks[network], {"training": parameters.training}, variation.changes
            )
            architecture_parameters(network).model_validate(changed.architecture)
        except ValidationError as error:
            raise UserError(
                "variation-invalid", f"variation '{name}': {summarise(error)}", "correct it"
            ) from error
        if changed.start_from and variation.architecture is not None:
            raise UserError(
                "architecture-fixed",
                f"variation '{name}': it changes the architecture, but the weights that "
                f"'{network}' starts from fix it",
                "start from no weights, or leave out the variation's architecture",
            )
        require_unseen(network, changed, usable)
        rate = changed.training.learning_rate
        factors = parameters.learning_rates or [1.0]
        for factor in factors:
            scaled = varied(
                changed.model_dump(mode="json"), {"training": {"learning_rate": factor * rate}}
            )
            full = f"{name} rate {factor * rate:g}" if parameters.learning_rates else name
            against = {"against": variation.against} if variation.against else {}
            tags = {"group": name, **against, **_edge(factor, factors)}
            variations.append(Variation(full, network, scaled, usable, tags))
    return variations


def _edge(factor: float, factors: Sequence[float]) -> dict[str, str]:
    """Return a tag for the lowest and the highest of several learning rates."""
    ends = {} if len(set(factors)) == 1 else {min(factors): "lowest", max(factors): "highest"}
    return {"rate_tried": ends[factor]} if factor in ends else {}


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
            `sen2naip_sr.experiments.running.timing.time_networks`.

    Returns:
        The columns of `sen2naip_sr.evaluation.comparison.compare_methods` with variation for
        method, and model, parameters, multiply_adds (for each LR pixel), milliseconds (for a
        megapixel of the result), training_seconds and steps, n_places; behind_best, behind_low,
        behind_high, behind_p: the paired difference to the best variation, dB, and its p-value,
        adjusted for all of these; the variation that each is held against, and against_psnr,
        against_low, against_high, against_p likewise; rate_tried: lowest or highest where the
        learning rate is at the edge of those tried.
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
                "rate_tried": outcome.tags.get("rate_tried"),
            }
            for outcome in outcomes
        ]
    )
    table = costs.merge(table, on="method").sort_values("psnr", ascending=False, ignore_index=True)
    table["n_places"] = scores["place"].nunique()
    # those that were taken beside other trainings compare nothing
    table = table.drop(columns="seconds_per_megapixel")
    table["milliseconds"] = table["method"].map(milliseconds)
    best = dict.fromkeys(table["method"], table["method"].iloc[0])
    held_against = _held_against(outcomes)
    for stem, pairs in (("behind", best), ("against", held_against)):
        table = table.merge(_differences(stem, pairs, scores, evaluation), on="method", how="left")
    table["against"] = table["method"].map(held_against)
    table = table.rename(columns={"behind_psnr": "behind_best"})
    for cost in ("parameters", "multiply_adds", "milliseconds"):
        table[f"on_front_{cost}"] = pareto_front(table["psnr"], table[cost])
    return table.rename(columns={"method": "variation"})


def _held_against(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Return by variation the one that it is to be held against, where both came to their end."""
    by_group = {outcome.tags["group"]: outcome.name for outcome in outcomes}
    against = {outcome.name: outcome.tags.get("against") for outcome in outcomes}
    return {name: by_group[group] for name, group in against.items() if group in by_group}


def _differences(
    stem: str, pairs: Mapping[str, str], scores: pd.DataFrame, evaluation: EvaluationParameters
) -> pd.DataFrame:
    """Compare pairs of variations chip by chip: a row each, p-values adjusted for all (Holm)."""
    psnr, locations = psnr_by_chip(scores)
    rows = []
    for name, other in pairs.items():
        found = paired_difference(
            psnr[name].to_numpy(),
            psnr[other].to_numpy(),
            locations.to_numpy(),
            draws=evaluation.bootstrap_draws,
            seed=evaluation.bootstrap_seed,
        )
        # the best against itself is no comparison
        differs = psnr[name] - psnr[other] if name != other else psnr[name] * np.nan
        p_value = sign_flip_p_value(differs, locations, seed=evaluation.bootstrap_seed)
        rows.append((name, found.mean, found.low, found.high, p_value))
    columns = ["method", *(f"{stem}_{part}" for part in ("psnr", "low", "high", "p"))]
    table = pd.DataFrame(rows, columns=columns)
    table[f"{stem}_p"] = holm_adjusted(table[f"{stem}_p"])
    return table


def pareto_front(gain: pd.Series, cost: pd.Series) -> list[bool]:
    """Return which rows no other beats: as high a gain at a lower cost, or a higher at the same."""
    rows = list(zip(gain, cost, strict=True))
    return [
        not any(g >= mine and c <= mine_cost and (g, c) != (mine, mine_cost) for g, c in rows)
        for mine, mine_cost in rows
    ]
