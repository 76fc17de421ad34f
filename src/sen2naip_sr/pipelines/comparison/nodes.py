"""Nodes of the comparison of tracked runs."""

from typing import TYPE_CHECKING, Any

from sen2naip_sr.evaluation.runs.parameters import ComparedRuns, ComparingParameters
from sen2naip_sr.evaluation.runs.tracked import TrackedRuns

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame
else:  # Kedro evaluates the nodes' hints, which must not cost an import of matplotlib
    DataFrame = Figure = Any


def collect_scores(
    runs: ComparedRuns, parameters: ComparingParameters, tracked: TrackedRuns
) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Return the compared methods, their scores on the shared chips, and what differs.

    Raises:
        UserError: If an entry names nothing that has scores, or the runs cannot be compared.
    """
    from sen2naip_sr.evaluation.runs import shared_chips
    from sen2naip_sr.evaluation.runs.differences import differing_parameters
    from sen2naip_sr.evaluation.runs.methods import choose_methods

    methods = choose_methods(runs.root, tracked)
    shared_chips.require_same_data(methods)
    scores = shared_chips.shared_scores(methods, parameters.metric)
    described = shared_chips.describe_methods(methods, scores, parameters.metric)
    return described, scores, differing_parameters(methods)


def compare_runs(scores: DataFrame, parameters: ComparingParameters) -> tuple[DataFrame, DataFrame]:
    """Return the comparison of all pairs, over all chips and at every place."""
    from sen2naip_sr.evaluation.runs.comparison import compare_at_places, compare_pairs

    return compare_pairs(scores, parameters), compare_at_places(scores)


def show_differences(
    scores: DataFrame, comparison: DataFrame, parameters: ComparingParameters
) -> Figure:
    """Return the figure of the paired differences; see `sen2naip_sr.evaluation.figures.forest`."""
    from sen2naip_sr.evaluation.figures.forest import draw_forest
    from sen2naip_sr.evaluation.runs.comparison import paired_differences

    return draw_forest(paired_differences(scores), comparison, parameters)


def describe(
    methods: DataFrame,
    comparison: DataFrame,
    places: DataFrame,
    differing: DataFrame,
    parameters: ComparingParameters,
) -> str:
    """Return the findings; see `sen2naip_sr.evaluation.runs.findings.describe_findings`."""
    from sen2naip_sr.evaluation.runs.findings import describe_findings

    return describe_findings(methods, comparison, places, differing, parameters)
