"""Comparisons of variations that are trained on the same chips with the same budget."""

from collections.abc import Mapping, Sequence

import pandas as pd
from pydantic import ValidationError

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.comparison import compare_methods
from sen2naip_sr.evaluation.figures.gallery import gallery_figure
from sen2naip_sr.evaluation.methods import interpolations
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.comparison.degradations import gains_on_tests
from sen2naip_sr.experiments.comparison.figure import FIGURES
from sen2naip_sr.experiments.comparison.findings import describe_comparison
from sen2naip_sr.experiments.comparison.pairs import interval_columns, pair_columns
from sen2naip_sr.experiments.comparison.parameters import ComparisonParameters
from sen2naip_sr.experiments.running.baseline import score_interpolations, scored_chips
from sen2naip_sr.experiments.running.held_out import require_unseen, without_test
from sen2naip_sr.experiments.running.length import left_out, mark_short, nothing_said, too_short
from sen2naip_sr.experiments.running.outcome import Outcome, read_methods, read_scores, read_weights
from sen2naip_sr.experiments.running.setting import Done, Findings, Setting, describe_failures
from sen2naip_sr.experiments.running.timing import time_networks
from sen2naip_sr.experiments.running.variation import Variation, varied
from sen2naip_sr.metrics.catalogue import OVERVIEW
from sen2naip_sr.models.networks import architecture_parameters
from sen2naip_sr.parameters import summarise


def compare_variations(
    parameters: ComparisonParameters, setting: Setting, done: Done | None = None
) -> Findings:
    """Train variations of networks, and say which are better; validation places are held out.

    The findings have a figure and a gallery of held-out chips.

    Raises:
        UserError: If a variation is not valid, or all of them fail.
    """
    variations = plan_comparison(parameters, setting)
    outcomes = setting.run(variations, parameters.workers, done)
    hr, lr, evaluation = setting.hr, setting.lr, setting.evaluation
    chosen = best_of_groups(outcomes)
    short = too_short(chosen)
    enough = [outcome for outcome in chosen if outcome.name not in short]
    says_nothing = bool(short) and len(enough) < 2
    chosen = chosen if says_nothing else enough
    scores = read_scores(setting.folder, chosen)
    chips = scored_chips(scores)
    usable = without_test(setting.splits)
    plain = score_interpolations(hr, lr, chips, setting.folder, evaluation, splits=usable)
    methods = read_methods(setting.folder, chosen)
    times = time_networks(methods, hr, lr, int(chips["chip"].iloc[0]), evaluation.accelerator)
    table = summarise_comparison(chosen, scores, plain, evaluation, times)
    if parameters.tests:
        networks = read_weights(setting.folder, chosen)
        numbers = chips["chip"].to_numpy()
        gains = gains_on_tests(networks, hr, numbers, parameters.tests, evaluation)
        table = table.merge(gains.rename(columns={"method": "variation"}), on="variation")
    gallery = gallery_figure(
        [*interpolations(hr.manifest.shape[1]), *methods],
        pd.concat([scores, plain]),
        table.rename(columns={"variation": "method"}),
        hr,
        lr,
        evaluation,
    )
    figure = FIGURES[parameters.figure](table)
    if says_nothing:
        found, figure = nothing_said(short), mark_short(figure, short)
    else:
        found = describe_comparison(table, parameters.figure) + left_out(short)
    text = f"{parameters.asks} {found}{describe_failures(outcomes)}".strip()
    return Findings(text, table, {"figure": figure, "gallery": gallery})


def plan_comparison(parameters: ComparisonParameters, setting: Setting) -> list[Variation]:
    """Return the trainings of a comparison; held out are the validation places.

    Raises:
        UserError: If a variation's network or parameters are not valid, or the weights that it
            starts from have another size or were trained on held-out places.
    """
    usable = without_test(setting.splits)
    factors = parameters.learning_rates or [1.0]
    variations = []
    for name, variation in parameters.variations.items():
        network, own = setting.network(variation.model or parameters.model)
        try:
            changed = varied(own, {"training": parameters.training}, variation.changes)
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
        require_unseen(network, changed, usable, setting.hr)
        against = {"against": variation.against} if variation.against else {}
        for factor in factors:
            rate = factor * changed.training.learning_rate
            scaled = varied(changed.model_dump(mode="json"), {"training": {"learning_rate": rate}})
            full = f"{name} rate {rate:g}" if parameters.learning_rates else name
            tags = {"group": name, **against, **_edge(factor, factors)}
            variations.append(Variation(full, network, scaled, usable, tags))
    return variations


def _edge(factor: float, factors: Sequence[float]) -> dict[str, str]:
    """Return a tag for the lowest and the highest of several learning rates."""
    ends = {} if len(set(factors)) == 1 else {min(factors): "lowest", max(factors): "highest"}
    return {"rate_tried": ends[factor]} if factor in ends else {}


def best_of_groups(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcome of highest PSNR of each group: a variation at several learning rates."""
    best: dict[str, Outcome] = {}
    for outcome in outcomes:
        group = outcome.tags["group"]
        if outcome.psnr is None:
            continue
        held = best.get(group)
        if held is None or held.psnr is None or outcome.psnr > held.psnr:
            best[group] = outcome
    return list(best.values())


def summarise_comparison(
    outcomes: Sequence[Outcome],
    scores: pd.DataFrame,
    plain: pd.DataFrame,
    evaluation: EvaluationParameters,
    milliseconds: Mapping[str, float],
) -> pd.DataFrame:
    """Summarise a comparison: one row for each variation, the best PSNR first.

    Args:
        outcomes: Those that did not fail.
        scores: Of their held-out chips; ``method`` is the variation.
        plain: Scores of the interpolations on the same chips.
        evaluation: How intervals are computed.
        milliseconds: For a megapixel of the result, by variation; from
            `sen2naip_sr.experiments.running.timing.time_networks`.

    Returns:
        The columns of `sen2naip_sr.evaluation.comparison.compare_methods` with variation for
        method, and model, parameters, multiply_adds (per LR pixel), milliseconds (per megapixel
        of the result), training_seconds, steps and n_places. The paired difference to the best
        variation: behind_best (dB), behind_low, behind_high, behind_p and behind_verdict; and of
        the other metrics of `OVERVIEW` behind_METRIC_low and behind_METRIC_high. The
        variation named by ``against``, and likewise against_psnr, against_low, against_high,
        against_p and against_verdict. rate_tried is lowest or highest where the learning rate is
        at the edge of those tried.
    """
    table = compare_methods(
        pd.concat([scores, plain]), evaluation.bootstrap_draws, evaluation.bootstrap_seed
    )
    table = _costs(outcomes).merge(table, on="method")
    table = table.sort_values("psnr", ascending=False, ignore_index=True)
    table["n_places"] = scores["place"].nunique()
    # the times of scoring were taken beside other trainings and are not comparable
    table = table.drop(columns="seconds_per_megapixel")
    table["milliseconds"] = table["method"].map(milliseconds)
    best, *others = table["method"]
    against = _against(outcomes)
    compared = {"behind": [(name, best) for name in others], "against": list(against.items())}
    for stem, pairs in compared.items():
        columns = pair_columns(stem, pairs, scores, evaluation)
        table = table.merge(columns, on="method", how="left")
    own = interval_columns([key for key in OVERVIEW if key != "psnr"], best, scores, evaluation)
    table = table.merge(own, on="method", how="left")
    # the best differs from itself by nothing; of a single location there is no interval
    known = ["behind_psnr", "behind_low", "behind_high"]
    table.loc[0, known if scores["location"].nunique() > 1 else known[:1]] = 0.0
    table["against"] = table["method"].map(against)
    for cost in ("parameters", "multiply_adds", "milliseconds"):
        table[f"on_front_{cost}"] = pareto_front(table["psnr"], table[cost])
    return table.rename(columns={"method": "variation", "behind_psnr": "behind_best"})


def _costs(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    return pd.DataFrame(
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
    )


def _against(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Return by variation the one named by ``against``, where both were trained."""
    by_group = {outcome.tags["group"]: outcome.name for outcome in outcomes}
    against = {outcome.name: outcome.tags.get("against") for outcome in outcomes}
    return {name: by_group[group] for name, group in against.items() if group in by_group}


def pareto_front(gain: pd.Series, cost: pd.Series) -> list[bool]:
    """Return which rows are Pareto-optimal: no other row has more gain for less cost."""
    rows = list(zip(gain, cost, strict=True))
    return [
        not any(g >= mine and c <= mine_cost and (g, c) != (mine, mine_cost) for g, c in rows)
        for mine, mine_cost in rows
    ]
