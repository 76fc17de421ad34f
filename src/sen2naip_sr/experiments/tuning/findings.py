"""The findings of a search, in words that its numbers support."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sen2naip_sr.evaluation.paired.verdict import describe_pair
from sen2naip_sr.experiments.running.length import FEWEST_STEPS
from sen2naip_sr.experiments.running.outcome import Outcome
from sen2naip_sr.experiments.tuning.search_space import held_value
from sen2naip_sr.metrics.catalogue import METRICS


def describe_search(table: pd.DataFrame, best: Mapping[str, Any], space: Sequence[str]) -> str:
    """Say which trial is best, how it compares with the own parameters, and what pruning saved."""
    first = _best(table)
    values = ", ".join(f"{name} {_shown(held_value(best, name))}" for name in space)
    text = [
        f"Best of {len(table)} trials: trial {first['trial']}, {first['psnr']:.2f} dB on the "
        f"validation chips ({values})."
    ]
    own = table[table["own"].astype(bool)]
    scored = own["psnr"].dropna()
    if first["own"]:
        text.append("It has the network's own values: no other trial was better.")
    elif len(scored):
        gain = first["psnr"] - scored.iloc[0]
        text.append(
            f"The network's own values score {scored.iloc[0]:.2f} dB there ({gain:+.2f} for the "
            "best trial, which these chips chose)."
        )
    elif len(own):
        text.append("The network's own values failed.")
    else:
        text.append("The network's own values lie outside the search space.")
    text += _pruned(table)
    if failed := int((table["state"] == "fail").sum()):
        text.append(f"{failed} failed.")
    return " ".join(text)


def short_trials(table: pd.DataFrame) -> dict[str, int]:
    """Return the steps of complete trials that were too short, by name.

    Empty where two trials or more were long enough: short ones among them are bad ones.
    """
    complete = table[table["state"] == "complete"]
    short = complete[complete["steps"] < FEWEST_STEPS]
    if len(complete) - len(short) >= min(2, len(complete)):
        return {}
    return {f"trial {row['trial']}": int(row["steps"]) for row in short.to_dict("records")}


def is_own_best(table: pd.DataFrame) -> bool:
    """Return whether no trial was better than the network's own values."""
    return bool(_best(table)["own"])


def describe_confirmation(pair: Mapping[Any, Any]) -> str:
    """Say whether the best trial is better on places that the search has not scored."""
    return (
        f"On {pair['chips']} chips of places that the search has not scored: "
        f"{describe_pair(pair, METRICS['psnr'])}."
    )


def describe_confirmation_failures(outcomes: Sequence[Outcome]) -> str:
    """Say which trainings of the confirmation failed."""
    failed = [f"{outcome.name} ({outcome.error})" for outcome in outcomes if outcome.error]
    return f"Not confirmed, because a training failed: {'; '.join(failed)}."


def _best(table: pd.DataFrame) -> pd.Series:
    complete = table[table["state"] == "complete"]
    return complete.sort_values("psnr", ascending=False).iloc[0]


def _pruned(table: pd.DataFrame) -> list[str]:
    pruned = table[table["state"] == "pruned"]
    if pruned.empty:
        return []
    saved, spent = pruned["saved_seconds"].sum(), table["seconds"].sum()
    number = "1 was" if len(pruned) == 1 else f"{len(pruned)} were"
    return [
        f"{number} pruned, which saved about {saved:.0f} s of training "
        f"(all trials took {spent:.0f} s)."
    ]


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else f"{value}"
