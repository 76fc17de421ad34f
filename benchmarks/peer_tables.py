"""The tables of docs/peers.md, from results.json."""

from collections.abc import Mapping
from typing import Any

import scene_tables

from sen2naip_sr.evaluation.columns import FAILED, noted

TITLES = {
    "lean": "Lean",
    "linear": "linear filter",
    "projected": "Lanczos, projected",
    "lanczos": "Lanczos",
    "bicubic": "bicubic, a = -0.75",
    "bicubic_pil": "bicubic, a = -0.5",
}
OPENSR = {
    "reflectance": ("reflectance", ".4f"),
    "spectral": ("spectral °", ".2f"),
    "spatial": ("spatial", ".4f"),
    "synthesis": ("synthesis", ".4f"),
    "im_metric": ("improvement", ".3f"),
    "om_metric": ("omission", ".3f"),
    "ha_metric": ("hallucination", ".3f"),
}


def gains(measured: Mapping[str, Any]) -> str:
    """Return the gain over Lanczos: a row for each place, a column for each method."""
    return _by_place(
        measured, lambda row: noted(f"{row['gain']:+.2f}", FAILED if row["failed"] else "")
    )


def ndvi(measured: Mapping[str, Any]) -> str:
    """Return the mean absolute error of NDVI in thousandths, likewise."""
    return _by_place(measured, lambda row: f"{1000 * row['ndvi']:.1f}")


def everything(measured: Mapping[str, Any]) -> str:
    """Return the means of places of the other metrics, a row for each method."""
    rows = [
        [
            TITLES.get(row["method"], row["method"]),
            f"{row['gain']:+.2f}",
            f"{row['below']:.1%}",
            f"{row['ssim']:.4f}",
            f"{row['sam']:.2f}",
            f"{row['ergas']:.2f}",
            f"{row['ndvi']:.4f}",
            f"{row['ndvi_rmse']:.4f}",
        ]
        for row in measured["rows"]
        if row["sensor"] == "all"
    ]
    head = ["mean of places", "gain dB", "images below Lanczos", "SSIM", "SAM °", "ERGAS"]
    return scene_tables.table([*head, "NDVI error", "NDVI RMSE"], rows)


def opensr(measured: Mapping[str, Any]) -> str:
    """Return the metrics of opensr-test, a row for each method."""
    rows = [
        [
            TITLES.get(row["method"], row["method"]),
            *(format(row[k], f) for k, (_, f) in OPENSR.items()),
        ]
        for row in measured["rows"]
    ]
    head = [f"{measured['images']} images", *(title for title, _ in OPENSR.values())]
    return scene_tables.table(head, rows)


def speed(measured: Mapping[str, Any]) -> str:
    """Return input pixels a second: a row for each network and runtime, a column for threads."""
    threads = sorted({row["threads"] for row in measured["rows"]})
    ways: dict[tuple[str, str], dict[int, int]] = {}
    for row in measured["rows"]:
        way = row["way"].partition(" (")[0]
        ways.setdefault((row["network"], way), {})[row["threads"]] = row["lr_pixels_s"]
    rows = [
        [f"`{name}`" if name.islower() else name, way, *(f"{own[n]:,}" for n in threads)]
        for (name, way), own in ways.items()
    ]
    counts = [f"{n} thread{'s' * (n > 1)}: input pixels a second" for n in threads]
    return scene_tables.table(["network", "computed by", *counts], rows)


def _by_place(measured: Mapping[str, Any], cell: Any) -> str:
    methods = [row["method"] for row in measured["rows"] if row["sensor"] == "all"]
    places: dict[tuple, dict[str, Mapping[str, Any]]] = {}
    for row in measured["rows"]:
        where = (row["sensor"], row["place"], row["pixel_metres"])
        places.setdefault(where, {})[row["method"]] = row
    rows = [
        [
            _title(*where),
            str(own[methods[0]]["n_chips"]),
            *(cell(own[m]) if m in own else "-" for m in methods),
        ]
        for where, own in places.items()
    ]
    head = ["place", "images", *(TITLES.get(method, method) for method in methods)]
    return scene_tables.table(head, rows)


def _title(sensor: str, place: str, pixel: float | None) -> str:
    if sensor == "all":
        return f"**{place}**"
    return f"{sensor}, {place}" + (f", {pixel:g} m" if pixel else "")


TABLES = {
    "places": lambda results: gains(results["places"]),
    "places-all": lambda results: everything(results["places"]),
    "places-ndvi": lambda results: ndvi(results["places"]),
    "peer-speed": lambda results: speed(results["peer_speed"]),
    "opensr": lambda results: opensr(results["opensr"]),
}
