"""Variations compared in pairs, as columns of an experiment's table."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sen2naip_sr.evaluation.comparison import psnr_by_chip
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


def describe_columns(stem: str, row: Mapping[Any, Any]) -> str:
    """Return the verdict of a pair, in a row with columns of `pair_columns`, and its numbers."""
    return describe_pair({part: row[f"{stem}_{name}"] for part, name in PARTS.items()}, PSNR)
