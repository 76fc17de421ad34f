"""Tables that compare methods: means, intervals, differences to the best interpolation."""

import logging
from collections.abc import Collection
from typing import Any

import pandas as pd

from sen2naip_sr.evaluation.columns import ALL_BANDS, FAILED, LINEAR, REFERENCES
from sen2naip_sr.evaluation.paired.bootstrap import mean_interval, paired_difference
from sen2naip_sr.metrics.catalogue import TRACKED

logger = logging.getLogger(__name__)

MEANS = tuple(key for key in TRACKED if key != "psnr")
"""Metrics that a table shows the mean of. PSNR has an interval and a difference as well."""


def psnr_by_chip(scores: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Return PSNR over all bands (one row per chip, one column per method), and chip locations."""
    joint = scores[scores["band"] == ALL_BANDS]
    psnr = joint.pivot(index="chip", columns="method", values="psnr")
    return psnr, joint.drop_duplicates("chip").set_index("chip")["location"].loc[psnr.index]


def best_interpolation(scores: pd.DataFrame) -> str:
    """Return the interpolation with the highest mean PSNR over all bands: the one to beat."""
    plain = scores[(scores["band"] == ALL_BANDS) & ~scores["trained"]]
    plain = plain[~plain["method"].isin(REFERENCES)]
    return str(plain.groupby("method")["psnr"].mean().idxmax())


def failed_networks(scores: pd.DataFrame) -> set[str]:
    """Return the networks whose mean PSNR over all bands is below the linear filter's.

    They are none where the linear filter was not scored.
    """
    joint = scores[scores["band"] == ALL_BANDS]
    psnr = joint.groupby("method")["psnr"].mean()
    networks = set(joint.loc[joint["trained"].astype(bool), "method"])
    if LINEAR not in psnr:
        return set()
    return networks & set(psnr.index[psnr < psnr[LINEAR]])


def warn_of_failed(failed: Collection[str]) -> None:
    """Say which networks are below the linear filter."""
    for name in sorted(failed):
        logger.warning(
            "%s failed: its mean PSNR is below that of a linear filter, which needs no network",
            name,
        )


def compare_methods(
    scores: pd.DataFrame, draws: int, seed: int, perceptual: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Summarise scores: one row for each method, the best PSNR first.

    Args:
        scores: From `sen2naip_sr.evaluation.scoring.score_methods`.
        draws: Resamplings of the bootstrap over locations.
        seed: Its seed.
        perceptual: Optional metrics; see `sen2naip_sr.evaluation.perceptual.asked.Asked.table`.

    Returns:
        Columns method, n_chips, psnr with its 95 % interval psnr_low and psnr_high, delta_psnr (the
        paired difference to the best interpolation), means of the other metrics of
        `sen2naip_sr.metrics.catalogue.TRACKED`, seconds_per_megapixel (median), and the interval
        of the difference, delta_low and delta_high, the optional metrics, origin (of its weights,
        see `sen2naip_sr.evaluation.seen.origin_of`), and failed (see `failed_networks`). The
        catalogue has the units.
    """
    failed = failed_networks(scores)
    joint = scores[scores["band"] == ALL_BANDS]
    psnr, locations = psnr_by_chip(scores)
    baseline = psnr[best_interpolation(scores)].to_numpy()
    options = {"draws": draws, "seed": seed}
    rows: list[dict[Any, Any]] = []
    for name, group in joint.groupby("method"):
        values = psnr[name].to_numpy()
        mean = mean_interval(values, locations.to_numpy(), **options)
        delta = paired_difference(values, baseline, locations.to_numpy(), **options)
        rows.append(
            {
                "method": name,
                "n_chips": len(group),
                "psnr": mean.mean,
                "psnr_low": mean.low,
                "psnr_high": mean.high,
                "delta_psnr": delta.mean,
                **group.reindex(columns=list(MEANS)).mean().to_dict(),
                "seconds_per_megapixel": group["seconds_per_megapixel"].median(),
                "delta_low": delta.low,
                "delta_high": delta.high,
                **_optional(perceptual, str(name)),
                "origin": group["origin"].iloc[0] if "origin" in group else "",
                FAILED: name in failed,
            }
        )
    return pd.DataFrame(rows).sort_values("psnr", ascending=False, ignore_index=True)


def _optional(perceptual: pd.DataFrame | None, method: str) -> dict[str, float]:
    """Return a method's optional metrics by their keys."""
    if perceptual is None or perceptual.empty:
        return {}
    own = perceptual[perceptual["method"] == method]
    return {str(row["metric"]): float(row["value"]) for row in own.to_dict("records")}


def compare_places(scores: pd.DataFrame) -> pd.DataFrame:
    """Return each place's own means: columns place, method, n_chips, psnr, delta_psnr, ssim, ...

    The last column says whether it is a network below the linear filter at that place.
    """
    joint = scores[scores["band"] == ALL_BANDS]
    table = joint.groupby(["place", "method"], as_index=False).agg(
        n_chips=("chip", "size"), psnr=("psnr", "mean"), **{name: (name, "mean") for name in MEANS}
    )
    baseline = table[table["method"] == best_interpolation(scores)].set_index("place")["psnr"]
    table.insert(4, "delta_psnr", table["psnr"] - table["place"].map(baseline))
    failed = {str(place): failed_networks(own) for place, own in joint.groupby("place")}
    if "origin" in joint:
        table["origin"] = table["method"].map(joint.groupby("method")["origin"].first())
    where = zip(table["place"], table["method"], strict=True)
    table[FAILED] = [method in failed[str(place)] for place, method in where]
    return table.sort_values(["place", "psnr"], ascending=[True, False], ignore_index=True)
