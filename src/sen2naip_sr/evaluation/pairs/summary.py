"""What the scores on real pairs amount to: one row for each method, and metrics to track."""

import pandas as pd

from sen2naip_sr.metrics.catalogue import trackable


def summarise_pairs(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each method, the best first.

    Args:
        scores: From `sen2naip_sr.evaluation.pairs.scoring.score_pairs`.

    Returns:
        Columns method, trained, pairs (number), gain (mean of the pairs, dB), least (the worst
        pair's), correlation (mean).
    """
    table = scores.groupby("method", as_index=False).agg(
        trained=("trained", "first"),
        pairs=("pair", "size"),
        gain=("gain", "mean"),
        least=("gain", "min"),
        correlation=("correlation", "mean"),
    )
    return table.sort_values("gain", ascending=False, ignore_index=True)


def pair_metrics(scores: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the metrics for MLflow: ``<method>/gain``, ``<method>/least``, ``<pair>/<method>``."""
    found = {}
    for row in summarise_pairs(scores).to_dict("records"):
        for name in ("gain", "least", "correlation"):
            found[f"{row['method']}/{name}"] = row[name]
    for row in scores.to_dict("records"):
        found[f"{row['pair']}/{row['method']}"] = row["gain"]
    return {trackable(name): {"value": float(value), "step": 0} for name, value in found.items()}
