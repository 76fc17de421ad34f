"""What a study shows, in words that its numbers support."""

from collections.abc import Hashable
from typing import Any

import pandas as pd

ALPHA = 0.05
COSTS = {"parameters": "parameters", "multiply_adds": "multiply-adds", "milliseconds": "time here"}
QUALITIES = {
    "ssim": ("SSIM", "{:.4f}", False),
    "sam": ("spectral angle", "{:.2f} degrees", True),
    "spectrum": ("sharpness", "{:.2f} dB from the truth's spectrum", True),
}
"""Title, format, and whether the lowest is best."""


def answer_study(table: pd.DataFrame, figure: str) -> str:
    """Say which variations are better, as far as intervals and tests show it.

    A difference counts as shown where its 95 % interval excludes zero and a sign-flip test's
    p-value, adjusted for all comparisons, is below 0.05.

    Args:
        table: From `sen2naip_sr.experiments.comparison.study.summarise_study`.
        figure: What the study is about, see
            `sen2naip_sr.experiments.running.parameters.StudyParameters.figure`.
    """
    parts = [_best(table), *_pairs(table), *_edges(table)]
    if figure == "cost":
        parts += _fronts(table)
    if figure == "losses":
        parts += _qualities(table)
    parts.append("The best was picked on these chips, each trained once: docs/experiments.md.")
    if table["n_places"].iloc[0] == 1:
        parts.append("They are of one place: of others this tells nothing.")
    return " ".join(parts)


def interval(low: float, high: float) -> str:
    """Return an interval of differences as text; of a single location there is none."""
    return "[one location: no interval]" if pd.isna(low) else f"[{low:+.2f}, {high:+.2f}]"


def _best(table: pd.DataFrame) -> str:
    best, others = table.iloc[0], table.iloc[1:]
    shown = (others["behind_high"] < 0) & (others["behind_p"] < ALPHA)
    text = (
        f"Best: {best['variation']}, {best['psnr']:.2f} dB ({best['delta_psnr']:+.2f} "
        f"{interval(best['delta_low'], best['delta_high'])} to the best interpolation) on "
        f"{best['n_chips']} held-out chips."
    )
    if not shown.all():
        text += f" No difference to it shown for: {', '.join(others['variation'][~shown])}."
    if shown.any():
        listed = (
            f"{row['variation']} ({row['behind_best']:+.2f} "
            f"{interval(row['behind_low'], row['behind_high'])})"
            for row in others[shown].to_dict("records")
        )
        text += f" Behind it, in dB with 95 % intervals: {', '.join(listed)}."
    return text


def _pairs(table: pd.DataFrame) -> list[str]:
    """Say of each variation whether it differs from the one that it is held against."""
    texts = []
    for other, rows in table.dropna(subset=["against"]).groupby("against", sort=True):
        verdicts = (
            f"{row['variation']} {row['against_psnr']:+.2f} "
            f"{interval(row['against_low'], row['against_high'])}, {_verdict(row)}"
            for row in rows.to_dict("records")
        )
        texts.append(f"Against {other}, in dB: {'; '.join(verdicts)}.")
    return texts


def _verdict(row: dict[Hashable, Any]) -> str:
    excludes = row["against_low"] > 0 or row["against_high"] < 0
    if not (excludes and row["against_p"] < ALPHA):
        return "no difference shown"
    return "better" if row["against_psnr"] > 0 else "worse"


def _edges(table: pd.DataFrame) -> list[str]:
    """Name the variations whose learning rate is at the edge of those tried."""
    edges = [
        f"{row['variation']} ({row['rate_tried']})"
        for row in table.dropna(subset=["rate_tried"]).to_dict("records")
    ]
    if not edges:
        return []
    return [f"At the edge of the rates tried, beyond which may be better ones: {', '.join(edges)}."]


def _fronts(table: pd.DataFrame) -> list[str]:
    """Name what no other beats in PSNR at its cost."""
    fronts = (
        f"by {title}: " + ", ".join(table[table[f"on_front_{cost}"]].sort_values(cost)["variation"])
        for cost, title in COSTS.items()
    )
    return [f"Not beaten in mean PSNR at their cost, {'; '.join(fronts)}."]


def _qualities(table: pd.DataFrame) -> list[str]:
    """Name the best mean of the other qualities."""
    found = []
    for column, (title, form, lowest) in QUALITIES.items():
        ordered = table.dropna(subset=[column]).sort_values(column, ascending=lowest)
        for row in ordered.head(1).to_dict("records"):
            found.append(f"{title} {row['variation']} ({form.format(row[column])})")
    return [f"Best means of the rest: {', '.join(found)}."] if found else []
