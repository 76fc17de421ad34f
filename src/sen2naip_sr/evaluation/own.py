"""The method that a run is about, and the metrics that runs are compared in side by side.

Every run has the same names for its own method. Other methods have PSNR only, in groups of their
own, so that charts of many runs stay few.
"""

import math
from collections.abc import Collection, Iterable

import pandas as pd

from sen2naip_sr.evaluation.comparison import MEANS
from sen2naip_sr.metrics.catalogue import OPTIONAL

GAIN = "gain"
FIRST = ("psnr", GAIN, "ssim")


def is_of(method: str, network: str) -> bool:
    """Return whether a method is a network, told one thing or another of the image."""
    return method == network or method.startswith(f"{network}, ")


def own_method(ranked: Iterable[str], preferred: Iterable[Collection[str]]) -> str | None:
    """Return the method that a run is about.

    Args:
        ranked: The methods, the best first.
        preferred: Networks that it may be of: the first collection that has any decides.
    """
    methods = list(ranked)
    for networks in preferred:
        for method in methods:
            if any(is_of(method, network) for network in networks):
                return method
    return None


def made_here(comparison: pd.DataFrame) -> list[str]:
    """Return the methods of a comparison that no other run and no release is the origin of."""
    if "origin" not in comparison:
        return []
    return [row["method"] for row in comparison.to_dict("records") if not row["origin"]]


def own_test_metrics(comparison: pd.DataFrame, own: str) -> dict[str, float]:
    """Return the metrics of a run's own method: ``test/psnr``, ``test/gain``, ``test/ssim``.

    Args:
        comparison: From `sen2naip_sr.evaluation.comparison.compare_methods`.
        own: The method.

    Returns:
        The means over the test chips; ``gain`` is the mean difference in PSNR to the best
        interpolation. The other metrics are called ``test_more/<metric>``, so that charts begin
        with these three. Values that are not finite are left out.
    """
    (row,) = comparison[comparison["method"] == own].to_dict("records")
    values = {
        "psnr": row["psnr"],
        GAIN: row["delta_psnr"],
        **{key: row[key] for key in (*MEANS, *OPTIONAL) if key in row},
    }
    return {
        f"{'test' if key in FIRST else 'test_more'}/{key}": float(value)
        for key, value in values.items()
        if math.isfinite(value)
    }


def other_test_metrics(comparison: pd.DataFrame, own: str | None) -> dict[str, float]:
    """Return the PSNR of the other methods: ``test_psnr/<method>``."""
    return {
        f"test_psnr/{row['method']}": float(row["psnr"])
        for row in comparison.to_dict("records")
        if row["method"] != own and math.isfinite(row["psnr"])
    }
