"""Variations compared in pairs, as columns of an experiment's table."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sen2naip_sr.evaluation.columns import ALL_BANDS
from sen2naip_sr.evaluation.comparison import psnr_by_chip
from sen2naip_sr.evaluation.paired.bootstrap import paired_difference
from sen2naip_sr.evaluation.paired.comparison import Pair, compare_pairs
from sen2naip_sr.evaluation.paired.verdict import describe_pair
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.metrics.catalogue import METRICS

PSNR = METRICS["psnr"]
PARTS = {"difference": "psnr", "low": "low", "high": "high", "p_holm": "p", "verdict": "verdict"}


def pair_columns(
    stem: str, pairs: Sequence[Pair], scores: pd.DataFrame, evaluation: EvaluationParameters
) -> pd.DataFrame:
    """Compare pairs of methods in PSNR on the same chips.

    Args:
        stem: The beginning of the columns' names.
        pairs: Names of methods; the difference is the first's PSNR minus the second's.
        scores: From `sen2naip_sr.experiments.running.outcome.read_scores`.
        evaluation: How intervals are computed.

    Returns:
        One row for each pair: columns method (the first), and ``STEM_psnr``, ``STEM_low``,
        ``STEM_high`` (dB), ``STEM_p`` (adjusted for all pairs) and ``STEM_verdict``.
    """
    psnr, locations = psnr_by_chip(scores)
    table = compare_pairs(psnr, locations, pairs, PSNR, evaluation.resampling)
    names = {"a": "method"} | {part: f"{stem}_{name}" for part, name in PARTS.items()}
    return table[list(names)].rename(columns=names)


def interval_columns(
    keys: Sequence[str], best: str, scores: pd.DataFrame, evaluation: EvaluationParameters
) -> pd.DataFrame:
    """Return the 95 % intervals of the differences to one method, in metrics of the catalogue.

    Args:
        keys: The metrics' keys.
        best: The method that all are compared with, itself included.
        scores: From `sen2naip_sr.experiments.running.outcome.read_scores`.
        evaluation: How intervals are computed.

    Returns:
        One row for each method: columns method, and ``behind_KEY_low`` and ``behind_KEY_high`` in
        the metric's unit, NaN for a single location.
    """
    joint = scores[scores["band"] == ALL_BANDS]
    locations = joint.drop_duplicates("chip").set_index("chip")["location"].sort_index()
    options = {"draws": evaluation.bootstrap_draws, "seed": evaluation.bootstrap_seed}
    table = pd.DataFrame({"method": sorted(set(joint["method"]))})
    for key in keys:
        values = joint.pivot(index="chip", columns="method", values=key).loc[locations.index]
        found = [
            paired_difference(values[name], values[best], locations, **options)
            for name in table["method"]
        ]
        table[f"behind_{key}_low"] = [one.low for one in found]
        table[f"behind_{key}_high"] = [one.high for one in found]
    return table


def describe_columns(stem: str, row: Mapping[Any, Any]) -> str:
    """Return the verdict of a pair, in a row with columns of `pair_columns`, and its numbers."""
    return describe_pair({part: row[f"{stem}_{name}"] for part, name in PARTS.items()}, PSNR)
