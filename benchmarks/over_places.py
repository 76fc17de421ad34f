"""Gains with intervals over places: a place counts once, however many chips it has.

Intervals are those of Student's t distribution. They hold if places are drawn at random from those
that one wants to speak of, and their gains are normally distributed.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import scene_tables
from quality import VARIED
from scipy.stats import t

from sen2naip_sr.evaluation.paired.bootstrap import Interval
from sen2naip_sr.evaluation.test_sets.table import MEAN

PLAIN = ("lanczos", "bicubic", "projected", "linear")
"""Methods without a network; of the other interpolations none is better at any place."""


def mean_of_places(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the mean of places and its interval, which needs two places or more."""
    mean = statistics.fmean(values)
    quantile = t.ppf((1 + confidence) / 2, len(values) - 1)
    half = float(quantile) * statistics.stdev(values) / len(values) ** 0.5
    return Interval(mean, mean - half, mean + half)


def shown(interval: Interval) -> str:
    """Return an interval as the cell of a table."""
    return f"{interval.mean:+.2f} [{interval.low:+.2f}, {interval.high:+.2f}]"


def by_method(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Return rows of places as place -> method -> row."""
    places: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        places.setdefault(row["place"], {})[row["method"]] = row
    return places


def best_plain(rows: Mapping[str, Mapping[str, Any]]) -> float:
    """Return the highest PSNR without a network, dB."""
    return max(rows[name]["psnr"] for name in PLAIN)


def gains_without_network(rows: Sequence[Mapping[str, Any]], network: str) -> Interval:
    """Return the gain over each place's best method without a network, over places."""
    places = by_method(rows).values()
    return mean_of_places([own[network]["psnr"] - best_plain(own) for own in places])


def table(results: Mapping[str, Any]) -> str:
    """Return mean gains by chips and by places, each with the interval of its kind."""
    lines = []
    for scores, pixels in (("native", "0.6 and 1 m"), ("coarse", "4 times the pixel")):
        measured = results["varied"][scores]
        chips = {row["method"]: row for row in measured["comparison"]}
        places = by_method(measured["places"]).values()
        for name in VARIED:
            over = Interval(*(chips[name][f"delta_{key}"] for key in ("psnr", "low", "high")))
            gains = [own[name]["psnr"] - own["lanczos"]["psnr"] for own in places]
            row = [f"{name} over Lanczos, {pixels}", str(len(places)), shown(over)]
            lines.append([*row, shown(mean_of_places(gains))])
        for name in VARIED:
            mean = chips[name]["psnr"] - best_plain(chips)
            row = [f"{name} over the best without a network, {pixels}", str(len(places))]
            over_places = gains_without_network(measured["places"], name)
            lines.append([*row, f"{mean:+.2f}", shown(over_places)])
    further = [row for row in results["places"]["rows"] if row["place"] != MEAN]
    for name in VARIED:
        gains = [row["gain"] for row in further if row["method"] == name]
        row = [f"{name} over Lanczos, the places of [Peers](peers.md)", str(len(gains)), "-"]
        lines.append([*row, shown(mean_of_places(gains))])
    return scene_tables.table(["gain, dB", "places", "mean of chips", "mean of places"], lines)


TABLES = {"over-places": table}
