"""Nodes of the comparison of tracked runs."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from sen2naip_sr.evaluation.runs.parameters import ComparedRuns, ComparingParameters
from sen2naip_sr.evaluation.runs.tracked import TrackedRuns

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:  # Kedro evaluates the nodes' hints, which must not cost an import of matplotlib
    Figure = Any


def collect_scores(
    runs: ComparedRuns, parameters: ComparingParameters, tracked: TrackedRuns
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return who is compared, and their scores on the chips that all of them have.

    Raises:
        UserError: If an entry means nothing that has scores, or the runs cannot be compared.
    """
    from sen2naip_sr.evaluation.runs.contestants import choose_contestants
    from sen2naip_sr.evaluation.runs.shared_chips import (
        common_scores,
        describe_contestants,
        require_same_data,
    )

    contestants = choose_contestants(runs.root, tracked)
    require_same_data(contestants)
    scores = common_scores(contestants, parameters.metric)
    return describe_contestants(contestants, scores, parameters.metric), scores


def compare_runs(
    scores: pd.DataFrame, parameters: ComparingParameters
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the comparison of all pairs, and that at every place."""
    from sen2naip_sr.evaluation.runs.comparison import compare_at_places, compare_pairs

    return compare_pairs(scores, parameters), compare_at_places(scores)


def show_differences(
    scores: pd.DataFrame, comparison: pd.DataFrame, parameters: ComparingParameters
) -> Figure:
    """Return the figure of the paired differences; see `sen2naip_sr.evaluation.figures.forest`."""
    from sen2naip_sr.evaluation.figures.forest import draw_forest
    from sen2naip_sr.evaluation.runs.comparison import paired_differences

    return draw_forest(paired_differences(scores), comparison, parameters)


def answer(
    contestants: pd.DataFrame,
    comparison: pd.DataFrame,
    places: pd.DataFrame,
    parameters: ComparingParameters,
) -> str:
    """Return the answer as text; see `sen2naip_sr.evaluation.runs.findings.write_answer`."""
    from sen2naip_sr.evaluation.runs.findings import write_answer

    return write_answer(contestants, comparison, places, parameters)
