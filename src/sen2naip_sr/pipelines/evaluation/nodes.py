"""Nodes of evaluation.

Heavy imports stand inside the functions: listing pipelines needs none of them.
"""

import math
from typing import TYPE_CHECKING, Any

from sen2naip_sr.chips.store import Store
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.parameters import EvaluationParameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from sen2naip_sr.evaluation.methods import Method
    from sen2naip_sr.raster.geotiff import Raster
    from sen2naip_sr.weights.files import Weights
else:  # Kedro evaluates the nodes' hints, which must not cost an import of torch
    DataFrame = Figure = Method = Raster = Weights = Any


def collect_methods(
    hr: Store,
    lr: Store,
    splits: DataFrame,
    parameters: EvaluationParameters,
    **weights: Weights | None,
) -> tuple[list[Method], list[Method]]:
    """Return what is scored on the test chips, and the networks to score on test sets.

    On the test chips, these are the interpolations, the best methods without a network, and every
    network whose weights fit the chips.
    """
    from sen2naip_sr.evaluation.methods import interpolations, networks
    from sen2naip_sr.evaluation.peers import peers
    from sen2naip_sr.evaluation.references import references
    from sen2naip_sr.evaluation.test_sets.networks import all_networks, chosen, given

    p = parameters
    plain = interpolations(hr.manifest.shape[1]) + references(hr, lr, splits)
    found = networks(chosen(p, weights), hr, lr, splits, told=p.told, given=given(p))
    methods = plain + found + peers(p.peers)
    return methods, all_networks(p, weights, hr, splits) if p.test_sets else []


def collect_networks(parameters: EvaluationParameters, **weights: Weights | None) -> list[Method]:
    """Return the networks to score on test sets; none if there are no test sets."""
    from sen2naip_sr.evaluation.test_sets.networks import all_networks

    return all_networks(parameters, weights) if parameters.test_sets else []


def score_test_sets(networks: list[Method], parameters: EvaluationParameters) -> DataFrame:
    """Score every method on the test sets; see `sen2naip_sr.evaluation.test_sets.scoring`."""
    from sen2naip_sr.evaluation.test_sets.scoring import score_test_sets

    return score_test_sets(networks, parameters)


def tabulate_places(
    test_set_scores: DataFrame, scores: DataFrame, hr: Store, parameters: EvaluationParameters
) -> tuple[DataFrame, str, Figure]:
    """Return the table of the test places and the test sets; see `tabulate_test_sets`."""
    import pandas as pd

    own = scores.assign(sensor=hr.attributes["source"], pixel_metres=math.nan)
    both = pd.concat([own, test_set_scores]) if len(test_set_scores) else own
    return tabulate_test_sets(both, parameters)


def tabulate_test_sets(
    scores: DataFrame, parameters: EvaluationParameters
) -> tuple[DataFrame, str, Figure]:
    """Return the table by sensor and place, as a page, and its figure.

    Raises:
        UserError: If there is no test set.
    """
    from sen2naip_sr.evaluation.figures.gains import draw_gains
    from sen2naip_sr.evaluation.test_sets.page import write_page
    from sen2naip_sr.evaluation.test_sets.table import tabulate

    if scores.empty:
        raise UserError("no-test-set", "no test set is given", "name the places to score")
    table = tabulate(scores, parameters.resampling)
    return table, write_page(table), draw_gains(table)


def score_test_chips(
    methods: list[Method],
    hr: Store,
    lr: Store,
    splits: DataFrame,
    parameters: EvaluationParameters,
) -> tuple[DataFrame, DataFrame]:
    """Score every method; see `sen2naip_sr.evaluation.scoring.score_methods`.

    Returns:
        The scores, and the table of the optional metrics that were asked for.
    """
    from sen2naip_sr.evaluation.perceptual.asked import Asked
    from sen2naip_sr.evaluation.scoring import score_methods

    asked = Asked(parameters.perceptual)
    scores = score_methods(methods, hr, lr, splits, parameters, asked)
    return scores, asked.table([method.name for method in methods], scores)


def compare(
    scores: DataFrame, perceptual: DataFrame, parameters: EvaluationParameters
) -> tuple[DataFrame, DataFrame]:
    """Return the comparisons of methods and of places."""
    from sen2naip_sr.evaluation.columns import FAILED
    from sen2naip_sr.evaluation.comparison import (
        compare_methods,
        compare_places,
        warn_of_failed,
    )

    p = parameters
    comparison = compare_methods(scores, p.bootstrap_draws, p.bootstrap_seed, perceptual)
    warn_of_failed(comparison.loc[comparison[FAILED], "method"])
    return comparison, compare_places(scores)


def summarise(comparison: DataFrame) -> dict[str, dict[str, float]]:
    """Return the main scores of every method by its name, for tools that compare runs by files."""
    from sen2naip_sr.metrics.catalogue import TRACKED

    named = {"gain": "delta_psnr", **{key: key for key in TRACKED}}
    return {
        str(row["method"]): {
            name: float(row[column])
            for name, column in named.items()
            if column in row and not math.isnan(row[column])
        }
        for row in comparison.to_dict("records")
    }


def show_examples(  # noqa: PLR0913, PLR0917 - one a dataset
    methods: list[Method],
    scores: DataFrame,
    comparison: DataFrame,
    hr: Store,
    lr: Store,
    parameters: EvaluationParameters,
) -> tuple[Figure, dict[str, Raster]]:
    """Return the side-by-side figure, and its first chip as rasters for a GIS."""
    from sen2naip_sr.evaluation.comparison import best_interpolation
    from sen2naip_sr.evaluation.figures.examples import (
        choose_chips,
        make_examples,
        shown_methods,
        to_rasters,
    )
    from sen2naip_sr.evaluation.figures.side_by_side import draw_comparison

    interpolation = best_interpolation(scores)
    names = shown_methods(comparison, methods, interpolation)
    chips = choose_chips(scores, interpolation, parameters.figure_chips)
    examples = make_examples(chips, names, methods, hr, lr)
    low, high = hr.attributes["value_range"]
    titles = {method.name: method.title for method in methods}
    figure = draw_comparison(
        examples,
        scores,
        names,
        [titles[name] for name in names],
        data_range=high - low,
        crop=parameters.figure_crop,
        synthetic=hr.attributes["synthetic"],
    )
    return figure, to_rasters(examples[0], names, hr)


def show_gallery(  # noqa: PLR0913, PLR0917 - one a dataset
    methods: list[Method],
    scores: DataFrame,
    comparison: DataFrame,
    hr: Store,
    lr: Store,
    parameters: EvaluationParameters,
) -> Figure:
    """Return the gallery of every network; see `sen2naip_sr.evaluation.figures.gallery`."""
    from sen2naip_sr.evaluation.figures.gallery import gallery_figure

    return gallery_figure(methods, scores, comparison, hr, lr, parameters)


def score_real_pairs(
    parameters: EvaluationParameters, **weights: Weights | None
) -> tuple[DataFrame, DataFrame, Figure]:
    """Score every method on real pairs; see `sen2naip_sr.evaluation.pairs.scoring`.

    Returns:
        The scores, their summary, and the figure.
    """
    from sen2naip_sr.evaluation.figures.pairs import draw_pairs
    from sen2naip_sr.evaluation.pairs.scoring import score_pairs
    from sen2naip_sr.evaluation.pairs.summary import summarise_pairs
    from sen2naip_sr.evaluation.peers import peers
    from sen2naip_sr.evaluation.test_sets.networks import chosen, given

    p = parameters
    scores = score_pairs(p.pairs, chosen(p, weights) | given(p), p.accelerator, peers(p.peers))
    return scores, summarise_pairs(scores), draw_pairs(scores)
