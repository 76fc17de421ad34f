"""The table of methods by sensor and place."""

import math
from typing import Any

import pandas as pd

from sen2naip_sr.evaluation.columns import ALL_BANDS, FAILED, Column
from sen2naip_sr.evaluation.comparison import failed_networks
from sen2naip_sr.evaluation.paired.bootstrap import paired_difference
from sen2naip_sr.evaluation.paired.resampling import Resampling
from sen2naip_sr.evaluation.test_sets.scoring import PIXEL, PLACE, SENSOR
from sen2naip_sr.metrics.catalogue import METRICS, TRACKED

BASELINE = "lanczos"
"""The method that gains are over."""
MEAN = "mean of places"
"""The place of the rows that hold the mean of places."""
ALL_SENSORS = "all"
"""The sensor of the mean of all places."""
GAIN = "gain"
BELOW = "below"

SHOWN = ("ssim", "sam", "ergas", "ndvi", "ndvi_rmse")
"""Metrics of the page's table beside PSNR and the gain."""
COLUMNS = (
    Column("images", "{n_chips:.0f}"),
    Column("PSNR dB", METRICS["psnr"].template),
    Column("gain dB", "{gain:+.2f} [{gain_low:+.2f}, {gain_high:+.2f}]"),
    Column("below Lanczos", "{below:.0%}"),
    *(Column(METRICS[key].heading, METRICS[key].template) for key in SHOWN),
)
"""Columns of the page's table."""


def tabulate(scores: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """Summarise scores by place.

    Args:
        scores: From `sen2naip_sr.evaluation.test_sets.scoring.score_test_sets`.
        resampling: How the intervals are computed.

    Returns:
        One row for each place, pixel size and method, the best PSNR of a place first: sensor,
        place, pixel_metres, method, trained, origin, n_chips, locations, the means of the metrics
        of `sen2naip_sr.metrics.catalogue.TRACKED`, gain (the paired difference in PSNR to Lanczos,
        dB) with its 95 % interval gain_low and gain_high, below (share of the images whose PSNR is
        below Lanczos), and failed (whether it is a network below the linear filter, where that was
        scored). Then, for each sensor with several places and for all, the means of
        places of the methods that were scored at all of them, without intervals; there, failed is
        whether it is below the filter at all places.
    """
    joint = scores[scores["band"] == ALL_BANDS]
    keys = [SENSOR, PLACE, PIXEL]
    rows = []
    for where, place in joint.groupby(keys, sort=False, dropna=False):
        head = dict(zip(keys, where, strict=True))
        baseline = place[place["method"] == BASELINE].set_index("chip")["psnr"]
        failed = failed_networks(place)
        found = [
            head | _summary(method, own, baseline, resampling) | {FAILED: method in failed}
            for method, own in place.groupby("method", sort=False)
        ]
        rows += sorted(found, key=lambda row: -row["psnr"])
    table = pd.DataFrame(rows)
    sensors = list(table.groupby(SENSOR, sort=False))
    several = sensors if len(sensors) > 1 else []
    means = [_means(own, str(sensor)) for sensor, own in several]
    return pd.concat([table, *means, _means(table, ALL_SENSORS)], ignore_index=True)


def place_metrics(table: pd.DataFrame, own: str) -> dict[str, float]:
    """Return the gain of a method at every place: ``test_gain_at/<sensor> <place>``, in dB."""
    found = {}
    for row in table[table["method"] == own].to_dict("records"):
        if math.isfinite(row[GAIN]):
            pixel = "" if math.isnan(row[PIXEL]) else f"{row[PIXEL]:g} m"
            where = " ".join(filter(None, [row[SENSOR], row[PLACE], pixel]))
            found[f"test_gain_at/{where}"] = float(row[GAIN])
    return found


def _summary(
    method: Any, own: pd.DataFrame, baseline: pd.Series, resampling: Resampling
) -> dict[str, Any]:
    own = own.set_index("chip")
    theirs = baseline.loc[own.index].to_numpy()
    gain = paired_difference(
        own["psnr"].to_numpy(),
        theirs,
        own["location"].to_numpy(),
        draws=resampling.draws,
        seed=resampling.seed,
    )
    return {
        "method": method,
        "trained": bool(own["trained"].iloc[0]),
        "origin": own["origin"].iloc[0] if "origin" in own else "",
        "n_chips": len(own),
        "locations": own["location"].nunique(),
        **{key: float(own[key].mean()) for key in TRACKED},
        GAIN: gain.mean,
        "gain_low": gain.low,
        "gain_high": gain.high,
        BELOW: float((own["psnr"].to_numpy() < theirs).mean()),
    }


def _means(rows: pd.DataFrame, sensor: str) -> pd.DataFrame:
    places = len(rows[[PLACE, PIXEL]].drop_duplicates())
    if places < 2:
        return rows.iloc[:0]
    values = [*TRACKED, GAIN, BELOW]
    grouped = rows.groupby("method", sort=False)
    means = grouped[values].mean()[grouped.size() == places]
    means[["trained", "origin"]] = grouped[["trained", "origin"]].first()
    means[FAILED] = grouped[FAILED].all()
    means[["n_chips", "locations"]] = grouped[["n_chips", "locations"]].sum()
    means = means.reset_index().assign(**{SENSOR: sensor, PLACE: MEAN})
    return means.sort_values("psnr", ascending=False)
