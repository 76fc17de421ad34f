"""The node of explanations. Heavy imports stand inside: listing pipelines needs none of them."""

import math
from typing import TYPE_CHECKING, Any

from sen2naip_sr.chips.store import Store
from sen2naip_sr.explain.parameters import ExplainParameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from sen2naip_sr.weights.files import Weights
else:  # Kedro evaluates the nodes' hints, which must not cost an import of torch
    DataFrame = Figure = Weights = Any

TRACKED = (
    *("gain_db", "diffusion_index", "pixels_95", "outside", "own_band", "completeness_error"),
    *("captum_correlation", "random_rank_correlation", "restored", "invented", "improvement"),
    *("omission", "hallucination", "consistency", "beyond_nyquist_db", "disagreement", "seconds"),
)
"""Columns of the table whose mean over the chips MLflow gets for each network."""


def explain(
    hr: Store,
    lr: Store,
    splits: DataFrame,
    parameters: ExplainParameters,
    **weights: Weights | None,
) -> tuple[DataFrame, DataFrame, str, dict[str, Figure], dict[str, dict[str, float]]]:
    """Explain networks on test chips; see `sen2naip_sr.explain.chips.explain_chips`.

    Returns:
        The table, the details, the findings, the figures by their file's name, and the metrics to
        track.
    """
    from sen2naip_sr.explain.chips import explain_chips

    made = explain_chips(hr, lr, splits, parameters, weights)
    means = made.table.groupby("model", sort=False)[list(TRACKED)].mean()
    metrics = {
        f"{model}.{name}": {"step": 0, "value": float(value)}
        for model, row in means.to_dict("index").items()
        for name, value in row.items()
        if math.isfinite(value)
    }
    return made.table, made.details, made.findings, made.figures, metrics
