"""The comparison's answer as a few lines of text."""

import math

import pandas as pd

from sen2naip_sr.evaluation.measures import Measure, get_measure
from sen2naip_sr.evaluation.runs.parameters import ComparingParameters
from sen2naip_sr.evaluation.runs.verdict import NO_DIFFERENCE, UNKNOWN


def write_answer(
    contestants: pd.DataFrame,
    comparison: pd.DataFrame,
    places: pd.DataFrame,
    parameters: ComparingParameters,
) -> str:
    """Return who was compared on what, and the verdict on every pair.

    Args:
        contestants: From `sen2naip_sr.evaluation.runs.shared_chips.describe_contestants`.
        comparison: From `sen2naip_sr.evaluation.runs.comparison.compare_pairs`.
        places: From `sen2naip_sr.evaluation.runs.comparison.compare_at_places`.
        parameters: Those of the comparison.

    Returns:
        Lines of at most about 100 characters, ended by a line break.
    """
    measure = get_measure(parameters.metric)
    # a table that was stored has no empty texts
    texts = {"remark": "", "data_source": "unknown", "recipe": "unknown"}
    contestants = contestants.astype(dict.fromkeys(texts, object)).fillna(texts)
    first = contestants.iloc[0]
    lines = [
        _title(contestants, comparison, measure),
        f"Imagery: {first['data_source']}; LR by {first['recipe']}",
        "",
    ]
    lines += [_introduce(row, parameters.metric, measure) for row in contestants.to_dict("records")]
    lines.append("")
    for row in comparison.to_dict("records"):
        lines += [_conclude(row, measure), *_dissent(row, places, measure)]
    lines += ["", *_notes(comparison, parameters)]
    return "\n".join(lines) + "\n"


def _title(contestants: pd.DataFrame, comparison: pd.DataFrame, measure: Measure) -> str:
    unit = f"{measure.unit}, " if measure.unit else ""
    better = "higher" if measure.higher_is_better else "lower"
    chips = int(contestants["chips_compared"].min())
    fewer = contestants["chips"].max() > chips
    places = int(comparison["locations"].max())
    common = (
        f", those in common (scored: {', '.join(map(str, contestants['chips']))})" if fewer else ""
    )
    return (
        f"{measure.title} ({unit}{better} is better) on {_count(chips, 'test chip')} of "
        f"{_count(places, 'location')}{common}"
    )


def _introduce(row: dict, metric: str, measure: Measure) -> str:
    remark = f", {row['remark']}" if row["remark"] else ""
    mean = "-" if math.isnan(row[metric]) else measure.amount(row[metric])
    return f"  {row['label']}: {mean}; run {row['run']} ({row['run_id'][:8]}){remark}"


def _conclude(row: dict, measure: Measure) -> str:
    verdict, pair = row["verdict"], f"{row['a']} against {row['b']}"
    if verdict.startswith(UNKNOWN):
        return f"  {pair}: {verdict}"
    numbers = f"p = {row['p_holm']:.2g}"
    if verdict == NO_DIFFERENCE:
        ends = measure.amount(row["difference"], row["low"], row["high"])
        numbers = f"{ends}, {numbers}"
    return f"  {pair}: {verdict} ({numbers})"


def _dissent(row: dict, places: pd.DataFrame, measure: Measure) -> list[str]:
    """Return a line on the places that say the opposite of a difference that is shown."""
    if row["verdict"].startswith((NO_DIFFERENCE, UNKNOWN)):
        return []
    own = places[(places["a"] == row["a"]) & (places["b"] == row["b"])]
    other = own[own["difference"] * row["difference"] < 0]
    if other.empty:
        return []
    worst = other.loc[other["difference"].abs().idxmax()]
    return [
        f"    but the other way round at {len(other)} of {_count(len(own), 'place')}, "
        f"most at {worst['place']} by {measure.amount(abs(worst['difference']))}"
    ]


def _notes(comparison: pd.DataFrame, parameters: ComparingParameters) -> list[str]:
    tested = int(comparison["p"].notna().sum())
    adjusted = f", adjusted for {tested} comparisons (Holm)" if tested > 1 else ""
    lines = [
        f"In brackets: {100 * (1 - parameters.alpha):g} % intervals. p: sign flips by location"
        f"{adjusted}; a difference is shown below {parameters.alpha:g}."
    ]
    if (comparison["verdict"] == NO_DIFFERENCE).any():
        lines.append("No difference shown is not the same as none: the interval says what may be.")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
