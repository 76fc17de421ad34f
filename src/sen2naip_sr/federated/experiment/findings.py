"""The findings of a federated experiment, in words and in a figure."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from statistics import fmean
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sen2naip_sr.evaluation.figures.axes import plain
from sen2naip_sr.experiments.comparison.pairs import describe_columns
from sen2naip_sr.experiments.running.outcome import Outcome
from sen2naip_sr.federated.experiment.arms import FEDERATED, IID, SYNCHRONOUS
from sen2naip_sr.federated.experiment.comparison import AGAINST, AT_SITES, INTERPOLATION, UNSEEN
from sen2naip_sr.federated.parameters import FederatedParameters
from sen2naip_sr.federated.rounds import Round

TITLES = {
    "over_interpolation": "the best interpolation",
    "over_alone": "the mean of the sites alone",
    "over_central": "all data together",
}
DPI = 120
COLOURS = {UNSEEN: "#4477aa", AT_SITES: "#ee6677"}


def describe(
    table: pd.DataFrame, rounds: Mapping[str, Sequence[Round]], parameters: FederatedParameters
) -> str:
    """Say what the federated training reached, and against what."""
    p, own = parameters, rounds[FEDERATED]
    row = _row(table, FEDERATED, UNSEEN)
    text = [
        f"{p.strategy.name}, {p.rounds} rounds of {p.local_steps} steps, "
        f"{row['megabytes']:.1f} MB sent: {row['psnr']:.2f} dB on {row['n_chips']} chips of "
        f"{UNSEEN}, {row['gain']:+.2f} dB over the best interpolation."
    ]
    for where in (UNSEEN, AT_SITES):
        here = _row(table, FEDERATED, where)
        found: dict[str, list[str]] = {}
        for stem in AGAINST:
            if isinstance(here.get(f"{stem}_verdict"), str):
                found.setdefault(describe_columns(stem, here), []).append(TITLES[stem])
        said = [f"against {' and '.join(others)}: {text}" for text, others in found.items()]
        on = "On them" if where == UNSEEN else "On the chips that sites hold out"
        text.append(f"{on}, {'; '.join(said)}.")
    for name, title in ((IID, "With the chips dealt at random"), (SYNCHRONOUS, "At equal "
        "communication, one step a round on all data")):  # fmt: skip
        if name in set(table["method"]):
            other = _row(table, name, UNSEEN)
            text.append(
                f"{title}: {other['psnr']:.2f} dB ({other['psnr'] - row['psnr']:+.2f} dB to the "
                f"federated one)."
            )
    return " ".join([*text, *_faults(own), *_privacy(own, p)])


def _faults(rounds: Sequence[Round]) -> list[str]:
    idle = [str(one.number) for one in rounds if not one.aggregated]
    refused = sorted({site for one in rounds for site in one.refused})
    found = []
    if refused:
        found.append(f"Left out in some rounds: {', '.join(refused)}.")
    if idle:
        found.append(f"Rounds without enough usable answers: {', '.join(idle)}.")
    return found


def _privacy(rounds: Sequence[Round], p: FederatedParameters) -> list[str]:
    if p.privacy is None:
        return []
    return [f"Epsilon {rounds[-1].epsilon:.3g} at delta {p.privacy.delta:g}, for a whole site."]


def _row(table: pd.DataFrame, method: str, where: str) -> dict:
    chosen = table[(table["method"] == method) & (table["where"] == where)]
    (row,) = chosen.to_dict("records")
    return row


def draw(
    table: pd.DataFrame, outcomes: Sequence[Outcome], rounds: Mapping[str, Sequence[Round]]
) -> Figure:
    """Draw gains over the best interpolation, the validation by steps, and by what was sent."""
    names = [name for name in dict.fromkeys(table["method"]) if name != INTERPOLATION]
    figure = Figure(figsize=(13.5, 1.6 + 0.42 * max(len(names), 7)), dpi=DPI, layout="constrained")
    gains, steps, sent = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
    _draw_gains(gains, table, names)
    _draw_curves(steps, sent, outcomes, rounds)
    return plain(figure)


def _draw_curves(
    steps: Axes,
    sent: Axes,
    outcomes: Sequence[Outcome],
    rounds: Mapping[str, Sequence[Round]],
) -> None:
    curves = [one for one in outcomes if one.curve and not one.name.startswith("alone")]
    for position, outcome in enumerate(curves):
        style: dict[str, Any] = {"color": f"C{position}", "marker": "o", "markersize": 3}
        number, psnr = zip(*outcome.curve, strict=True)
        steps.plot(number, psnr, label=outcome.name, **style)
        if by_megabytes := _by_megabytes(outcome, rounds):
            sent.plot(*zip(*by_megabytes, strict=True), label=outcome.name, **style)
    steps.set(xlabel="steps (of each site)", ylabel="PSNR of the validation places, dB")
    sent.set(xlabel="megabytes sent", ylabel="PSNR of the validation places, dB")
    for axes in (steps, sent):
        axes.grid(color="#eeeeee")
        axes.legend(fontsize=8)


def _by_megabytes(
    outcome: Outcome, rounds: Mapping[str, Sequence[Round]]
) -> list[tuple[float, float]]:
    """Return what was sent until each validation and its PSNR; none if nothing is sent."""
    if outcome.name in rounds:
        done = rounds[outcome.name]
        total = accumulate(one.sent_megabytes for one in done)
        return [
            (megabytes, one.validation_psnr)
            for megabytes, one in zip(total, done, strict=True)
            if one.validation_psnr is not None
        ]
    if outcome.name == SYNCHRONOUS and FEDERATED in rounds:
        a_round = fmean(one.sent_megabytes for one in rounds[FEDERATED])
        return [(a_round * step, psnr) for step, psnr in outcome.curve]
    return []


def _draw_gains(axes: Axes, table: pd.DataFrame, names: Sequence[str]) -> None:
    for shift, (where, colour) in zip((-0.14, 0.14), COLOURS.items(), strict=True):
        for row, name in enumerate(names):
            found = table[(table["method"] == name) & (table["where"] == where)]
            for one in found.to_dict("records"):
                low, high = one["over_interpolation_low"], one["over_interpolation_high"]
                axes.plot([low, high], [row + shift] * 2, color=colour, linewidth=2)
                label = where if row == 0 else None
                axes.plot(one["gain"], row + shift, "D", color=colour, markersize=5, label=label)
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("PSNR over the best interpolation, dB, with 95 % intervals")
    axes.grid(axis="x", color="#eeeeee")
    axes.legend(fontsize=8)
