"""The findings of a comparison, in words that its numbers support."""

import pandas as pd

from sen2naip_sr.evaluation.columns import FAILED
from sen2naip_sr.evaluation.paired.verdict import UNKNOWN, is_shown
from sen2naip_sr.experiments.comparison.degradations import describe_gains
from sen2naip_sr.experiments.comparison.pairs import describe_columns
from sen2naip_sr.metrics.catalogue import METRICS, OVERVIEW

COSTS = {
    "parameters": "parameters",
    "multiply_adds": "multiply-adds",
    "milliseconds": "time on this machine",
}


def describe_comparison(table: pd.DataFrame, figure: str) -> str:
    """Say which variations are better, as far as intervals and tests show it.

    ``figure`` is what the comparison is about; see `ComparisonParameters`.
    """
    parts = [_best(table), *_failed(table), *_pairs(table), *_edges(table)]
    if figure == "cost":
        parts.append(_fronts(table))
    if figure == "losses":
        parts += _others(table)
    parts += describe_gains(table)
    parts.append("The best was chosen on these chips, and each was trained once.")
    if table["n_places"].iloc[0] == 1:
        parts.append("All chips are of one place; the result may not generalise to other places.")
    return " ".join(parts)


def _interval(low: float, high: float) -> str:
    return "[one location: no interval]" if pd.isna(low) else f"[{low:+.2f}, {high:+.2f}]"


def _best(table: pd.DataFrame) -> str:
    best, others = table.iloc[0], table.iloc[1:]
    text = (
        f"Best: {best['variation']}, {best['psnr']:.2f} dB ({best['delta_psnr']:+.2f} "
        f"{_interval(best['delta_low'], best['delta_high'])} to the best interpolation) on "
        f"{best['n_chips']} held-out chips."
    )
    verdicts = others["behind_verdict"].astype(str)
    unknown, shown = verdicts.str.startswith(UNKNOWN), verdicts.map(is_shown).astype(bool)
    for verdict, names in others["variation"][unknown].groupby(verdicts[unknown]):
        text += f" The difference to {', '.join(names)} {verdict}."
    equal = others["variation"][~unknown & ~shown]
    if len(equal):
        text += f" No difference to it shown for: {', '.join(equal)}."
    if shown.any():
        listed = (
            f"{row['variation']} ({row['behind_best']:+.2f} "
            f"{_interval(row['behind_low'], row['behind_high'])})"
            for row in others[shown].to_dict("records")
        )
        text += f" Worse, in dB with 95 % intervals: {', '.join(listed)}."
    return text


def _failed(table: pd.DataFrame) -> list[str]:
    """Name the variations below the linear filter."""
    names = table["variation"][table[FAILED]] if FAILED in table else ()
    return [f"Failed, below a linear filter: {', '.join(names)}."] if len(names) else []


def _pairs(table: pd.DataFrame) -> list[str]:
    """Compare variations with the ones that they name."""
    return [
        f"{row['variation']} against {row['against']}: {describe_columns('against', row)}."
        for row in table.dropna(subset=["against"]).sort_values("against").to_dict("records")
    ]


def _edges(table: pd.DataFrame) -> list[str]:
    """Name the variations whose learning rate is at the edge of those tried."""
    edges = [
        f"{row['variation']} ({row['rate_tried']})"
        for row in table.dropna(subset=["rate_tried"]).to_dict("records")
    ]
    if not edges:
        return []
    return [f"Best at the edge of the learning rates tried: {', '.join(edges)}."]


def _fronts(table: pd.DataFrame) -> str:
    """Name the variations on each Pareto front."""
    fronts = (
        f"by {title}: " + ", ".join(table[table[f"on_front_{cost}"]].sort_values(cost)["variation"])
        for cost, title in COSTS.items()
    )
    return f"Pareto-optimal in mean PSNR, {'; '.join(fronts)}."


def _others(table: pd.DataFrame) -> list[str]:
    """Name the best mean of the other metrics."""
    found = []
    for metric in (METRICS[key] for key in OVERVIEW if key != "psnr"):
        ranked = table.dropna(subset=[metric.key])
        ranked = ranked.sort_values(metric.key, ascending=not metric.higher_is_better)
        for row in ranked.head(1).to_dict("records"):
            found.append(f"{metric.title} {row['variation']} ({metric.amount(row[metric.key])})")
    return [f"Best means of the other metrics: {', '.join(found)}."] if found else []
