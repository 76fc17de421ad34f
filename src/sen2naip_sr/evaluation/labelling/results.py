"""Findings from the answers: strengths, agreement, metrics against people, flags, bad chips."""

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sen2naip_sr.evaluation.labelling.interface import QUALITY
from sen2naip_sr.evaluation.labelling.strengths import EVEN, LOSS, WIN, Strengths, fit_strengths
from sen2naip_sr.metrics.catalogue import METRICS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Z = 1.959963984540054


def strengths_of(answers: pd.DataFrame, confidence: float) -> Strengths:
    """Return the strengths of all methods; repeated tasks count once, a bad pair as a tie."""
    once = answers[answers["repeats"].isna()]
    methods = sorted({*once["left"], *once["right"]})
    number = {name: k for k, name in enumerate(methods)}
    outcomes = once["outcome"].map({"left": WIN, "right": LOSS}).fillna(EVEN)
    first, second = (once[side].map(number).to_numpy() for side in ("left", "right"))
    return fit_strengths(methods, first, second, outcomes.to_numpy(), confidence)


def chosen(answers: pd.DataFrame) -> pd.Series:
    """Return what each answer preferred: a method, or neither, whatever the side."""
    sides = {side: answers[side] for side in ("left", "right")}
    named = answers["outcome"].copy()
    for side, methods in sides.items():
        named = named.mask(answers["outcome"] == side, methods)
    return named


def with_themselves(answers: pd.DataFrame) -> tuple[int, int]:
    """Return how many repeated tasks people answered alike, and how many they repeated."""
    named = answers.assign(choice=chosen(answers))
    again = named[named["repeats"].notna()]
    pairs = again.merge(named, left_on=["repeats", "person"], right_on=["task", "person"])
    return int((pairs["choice_x"] == pairs["choice_y"]).sum()), len(pairs)


def between_people(answers: pd.DataFrame) -> tuple[int, int, float]:
    """Return how many pairs of answers to one task agree, how many there are, and Cohen's kappa.

    Kappa is 1 for perfect agreement and 0 for that of chance (Cohen 1960).
    """
    named = answers.assign(choice=answers["outcome"])
    pairs = [
        pair
        for _, group in named.groupby("task")
        for pair in combinations(group.drop_duplicates("person")["choice"], 2)
    ]
    alike = sum(one == other for one, other in pairs)
    counts = Counter(choice for pair in pairs for choice in pair)
    total = sum(counts.values())
    chance = sum((count / total) ** 2 for count in counts.values()) if total else 1.0
    kappa = (alike / len(pairs) - chance) / (1 - chance) if pairs and chance < 1 else float("nan")
    return alike, len(pairs), kappa


def metrics_against_people(answers: pd.DataFrame) -> pd.DataFrame:
    """Return how often each metric prefers what people preferred, where they preferred a side."""
    decided = answers[answers["outcome"].isin(["left", "right"]) & answers["repeats"].isna()]
    rows = []
    for column in answers.columns:
        name, _, side = column.rpartition(".")
        if side != "left" or f"{name}.right" not in answers:
            continue
        higher = METRICS[name].higher_is_better if name in METRICS else False
        difference = decided[f"{name}.left"] - decided[f"{name}.right"]
        known = difference.notna() & (difference != 0)
        left = (difference > 0) == higher
        right_ones = int((left == (decided["outcome"] == "left"))[known].sum())
        count = int(known.sum())
        if count:
            low, high = wilson(right_ones, count)
            rows.append((name, right_ones / count, low, high, count))
    table = pd.DataFrame(rows, columns=["metric", "agrees", "low", "high", "comparisons"])
    return table.sort_values("agrees", ascending=False, ignore_index=True)


def table_of(answers: pd.DataFrame, strengths: Strengths) -> pd.DataFrame:
    """Return a row for each method: strength, interval, wins, ties, and the flags it got."""
    rows = []
    for k, method in enumerate(strengths.methods):
        sides = {side: answers[answers[side] == method] for side in ("left", "right")}
        shown = sum(map(len, sides.values()))
        wins = sum(int((rows_["outcome"] == side).sum()) for side, rows_ in sides.items())
        flags = Counter(
            flag
            for side, rows_ in sides.items()
            for flags in rows_[f"flags_{side}"]
            for flag in flags
        )
        outcomes = pd.concat([rows_["outcome"] for rows_ in sides.values()])
        rows.append(
            {
                "method": method,
                "strength": strengths.values[k],
                "low": strengths.low[k],
                "high": strengths.high[k],
                "shown": shown,
                "preferred": wins,
                "tie": int((outcomes == "tie").sum()),
                "both bad": int((outcomes == "both bad").sum()),
                **{flag: flags[flag] for flag in QUALITY},
            }
        )
    return pd.DataFrame(rows).sort_values("strength", ascending=False, ignore_index=True)


def bad_chips(answers: pd.DataFrame) -> pd.DataFrame:
    """Return the chips that somebody called bad imagery, with the hash that ingestion knows."""
    flagged = answers[answers["bad_chip"]]
    columns = ["file", "row", "column", "digest"]
    return flagged.groupby(columns, as_index=False).size().rename(columns={"size": "flags"})


def findings_of(answers: pd.DataFrame, table: pd.DataFrame, asked: int, confidence: float) -> str:
    """Return the findings in words."""
    people, done = answers["person"].nunique(), answers["task"].nunique()
    lines = [f"{done} of {asked} tasks were answered, {len(answers)} answers by {people} people."]
    best, *others = table.to_dict("records")
    clear = [row["method"] for row in others if row["high"] < best["low"]]
    lines.append(
        f"{best['method']} is preferred most. Its interval lies above that of "
        f"{', '.join(clear) if clear else 'no other method: the order may be chance'}."
    )
    lines.append(f"Strengths (logarithms; all intervals hold at once with {confidence:.0%}):")
    lines += [
        f"  {row['method']}: {row['strength']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}], "
        f"preferred {row['preferred']} of {row['shown']} times"
        for row in table.to_dict("records")
    ]
    alike, twice = with_themselves(answers)
    lines.append(_share("Repeated tasks answered alike by the same person", alike, twice))
    alike, pairs, kappa = between_people(answers)
    between = _share("Answers of two people to one task that agree", alike, pairs)
    lines.append(between + (f", kappa {kappa:.2f}" if np.isfinite(kappa) else ""))
    for row in metrics_against_people(answers).to_dict("records"):
        title = METRICS[row["metric"]].title if row["metric"] in METRICS else row["metric"]
        lines.append(
            f"{title} prefers what people preferred in {row['agrees']:.0%} "
            f"[{row['low']:.0%}, {row['high']:.0%}] of {row['comparisons']} comparisons"
        )
    lines.append(f"Chips flagged as bad imagery: {len(bad_chips(answers))}")
    return "\n".join(lines) + "\n"


def draw_strengths(table: pd.DataFrame) -> "Figure":
    """Draw the strengths with their intervals, the strongest on top."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 0.9 + 0.42 * len(table)), layout="constrained")
    axis = figure.subplots()
    rows = table.iloc[::-1]
    errors = np.stack([rows["strength"] - rows["low"], rows["high"] - rows["strength"]])
    axis.errorbar(rows["strength"], range(len(rows)), xerr=errors, fmt="o", capsize=3)
    axis.set_yticks(range(len(rows)), rows["method"])
    axis.axvline(0, color="grey", linewidth=0.8)
    axis.set_xlabel("strength: further right is preferred more often")
    axis.grid(axis="x", alpha=0.3)
    return figure


def wilson(successes: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    share, z = successes / count, Z
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return max(0.0, float(middle - reach)), min(1.0, float(middle + reach))


def _share(what: str, part: int, whole: int) -> str:
    if not whole:
        return f"{what}: there are none"
    low, high = wilson(part, whole)
    return f"{what}: {part} of {whole}, {part / whole:.0%} [{low:.0%}, {high:.0%}]"
