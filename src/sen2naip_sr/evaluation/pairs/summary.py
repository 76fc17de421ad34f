"""What the scores on real pairs amount to: one row for each method, and metrics to track."""

from typing import Any

import pandas as pd

from sen2naip_sr.evaluation.paired.bootstrap import mean_interval


def summarise_pairs(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each method, the best first.

    Args:
        scores: From `sen2naip_sr.evaluation.pairs.scoring.score_pairs`.

    Returns:
        Columns method, trained, pairs (number), gain (mean of the pairs, dB), least (the worst
        pair's), correlation (mean), and the ends of the mean's 95 % interval over pairs, gain_low
        and gain_high; NaN of a single pair.
    """
    table = scores.groupby("method", as_index=False).agg(
        trained=("trained", "first"),
        pairs=("pair", "size"),
        gain=("gain", "mean"),
        least=("gain", "min"),
        correlation=("correlation", "mean"),
    )
    gains = {name: own for name, own in scores.groupby("method")}
    means = [mean_interval(gains[name]["gain"], gains[name]["pair"]) for name in table["method"]]
    table["gain_low"] = [mean.low for mean in means]
    table["gain_high"] = [mean.high for mean in means]
    return table.sort_values("gain", ascending=False, ignore_index=True)


def pair_metrics(scores: pd.DataFrame, own: str) -> dict[str, float]:
    """Return the metrics that runs are compared in.

    Returns:
        ``pairs/gain``, ``pairs/least`` and ``pairs/correlation`` of a run's own method,
        ``pairs_gain/<method>`` of the others, and ``pairs_gain_at/<pair>`` of its own.
    """
    found: dict[str, Any] = {}
    for row in summarise_pairs(scores).to_dict("records"):
        if row["method"] == own:
            found |= {f"pairs/{name}": row[name] for name in ("gain", "least", "correlation")}
        else:
            found[f"pairs_gain/{row['method']}"] = row["gain"]
    for row in scores[scores["method"] == own].to_dict("records"):
        found[f"pairs_gain_at/{row['pair']}"] = row["gain"]
    return {name: float(value) for name, value in found.items()}
