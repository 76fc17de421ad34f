"""The findings of a comparison of runs, as a few lines of text."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sen2naip_sr.evaluation.paired.verdict import NO_DIFFERENCE, describe_pair, is_shown
from sen2naip_sr.evaluation.runs.parameters import ComparingParameters
from sen2naip_sr.metrics.catalogue import METRICS
from sen2naip_sr.metrics.metric import Metric

SHOWN = 15
"""Parameters that the findings list."""
VALUE_LENGTH = 30


def describe_findings(
    methods: pd.DataFrame,
    comparison: pd.DataFrame,
    places: pd.DataFrame,
    differing: pd.DataFrame,
    parameters: ComparingParameters,
) -> str:
    """Return which methods were compared on which chips, the verdicts, and what differs.

    The tables are those of `describe_methods`, `compare_pairs`, `compare_at_places` and
    `differing_parameters`. Lines have about 100 characters at most.
    """
    metric = METRICS[parameters.metric]
    # an empty text comes back from a file as NaN
    texts = {"remark": "", "data_source": "unknown", "recipe": "unknown"}
    methods = methods.astype(dict.fromkeys(texts, object)).fillna(texts)
    first = methods.iloc[0]
    lines = [
        _title(methods, comparison, metric),
        f"Imagery: {first['data_source']}; LR by {first['recipe']}",
        "",
        *(_describe_method(row, metric) for row in methods.to_dict("records")),
        "",
    ]
    for row in comparison.to_dict("records"):
        lines.append(f"  {row['a']} against {row['b']}: {describe_pair(row, metric)}")
        lines += _exceptions(row, places, metric)
    lines += ["", *_differences(differing), "", *_notes(comparison, parameters)]
    return "\n".join(lines) + "\n"


def _title(methods: pd.DataFrame, comparison: pd.DataFrame, metric: Metric) -> str:
    unit = f"{metric.unit}, " if metric.unit else ""
    better = "higher" if metric.higher_is_better else "lower"
    chips = int(methods["chips_compared"].min())
    locations = _count(int(comparison["locations"].max()), "location")
    text = f"{metric.title} ({unit}{better} is better) on "
    if methods["chips"].max() == chips:
        return f"{text}{_count(chips, 'test chip')} of {locations}"
    scored = ", ".join(map(str, methods["chips"]))
    return f"{text}{_count(chips, 'shared test chip')} of {locations} (scored: {scored})"


def _describe_method(row: Mapping[Any, Any], metric: Metric) -> str:
    remark = f", {row['remark']}" if row["remark"] else ""
    mean = "-" if math.isnan(row[metric.key]) else metric.amount(row[metric.key])
    return f"  {row['label']}: {mean}; run {row['run']} ({row['run_id'][:8]}){remark}"


def _exceptions(row: Mapping[Any, Any], places: pd.DataFrame, metric: Metric) -> list[str]:
    """Return a line on the places where a difference that is shown has the opposite sign."""
    if not is_shown(row["verdict"]):
        return []
    own = places[(places["a"] == row["a"]) & (places["b"] == row["b"])]
    other = own[own["difference"] * row["difference"] < 0]
    if other.empty:
        return []
    worst = other.loc[other["difference"].abs().idxmax()]
    return [
        f"    but the reverse at {len(other)} of {_count(len(own), 'place')}, "
        f"most at {worst['place']}: {metric.amount(abs(worst['difference']))}"
    ]


def _differences(differing: pd.DataFrame) -> list[str]:
    """Return the parameters that differ, the values in the order of the methods."""
    if differing.empty:
        return ["No parameter that all of them record differs."]
    rows = [
        f"  {name}: " + " | ".join(_cut(str(value)) for value in values)
        for name, *values in differing.itertuples(index=False)
    ]
    more = [f"  and {len(rows) - SHOWN} more"] if len(rows) > SHOWN else []
    return [f"Parameters that differ ({' | '.join(differing.columns[1:])}):", *rows[:SHOWN], *more]


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_LENGTH else text[: VALUE_LENGTH - 3] + "..."


def _notes(comparison: pd.DataFrame, parameters: ComparingParameters) -> list[str]:
    tested = int(comparison["p"].notna().sum())
    adjusted = f", adjusted for {tested} comparisons (Holm)" if tested > 1 else ""
    lines = [
        f"In brackets: {100 * (1 - parameters.alpha):g} % intervals. p: sign-flip test by location"
        f"{adjusted}. A difference counts as shown below p = {parameters.alpha:g}."
    ]
    if (comparison["verdict"] == NO_DIFFERENCE).any():
        lines.append("No difference shown does not mean equal: see the interval.")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
