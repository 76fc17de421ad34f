"""All that the report says, as plain data for its Typst source."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sen2naip_sr.evaluation.columns import FAILED, REFERENCES, noted
from sen2naip_sr.metrics.catalogue import METRICS
from sen2naip_sr.models.registry import MODELS
from sen2naip_sr.report import environment, items
from sen2naip_sr.report.experiments import experiments_content
from sen2naip_sr.report.figures import QUALITY, copy_figure, draw_curves, draw_examples, layout_of
from sen2naip_sr.report.layers import TIMES
from sen2naip_sr.report.networks import losses_content, named, network_content, number
from sen2naip_sr.report.parameters import ReportParameters
from sen2naip_sr.report.sources import Sources

DPI = 150
SOURCES = {
    "sample": "a generator of synthetic landscapes",
    "directory": "a folder of GeoTIFFs",
    "zip": "a zip of GeoTIFFs",
    "sen2naip": "SEN2NAIP",
}
"""Sources of chips in words."""


def write_content(
    sources: Sources, parameters: ReportParameters, item_file: Path, folder: Path
) -> dict[str, Any]:
    """Write the figures of the report, and return what it says.

    Args:
        sources: What runs have left.
        parameters: What no run can know.
        item_file: The table of completed items.
        folder: Where the figures go.

    Returns:
        Plain data; the paths of figures are relative to the folder.
    """
    found = items.read_items(item_file)
    networks = [network_content(network, sources, folder) for network in sources.networks]
    _only_differing(networks)
    return {
        "title": parameters.title,
        "authors": parameters.authors,
        "repository": environment.repository(sources.root, parameters.repository),
        "data": _data(sources, parameters, folder),
        "networks": networks,
        "training": _training(sources, folder),
        "metrics": _metrics(),
        "losses": losses_content(sources),
        "comparison": _comparison(sources, folder),
        "experiments": experiments_content(sources, folder),
        "times": _times(sources),
        "libraries": environment.libraries(),
        "machine": environment.machine(sources.root),
        "items": items.rows_of(found, sources.root),
        "points": items.total(found, sources.root),
    }


def _only_differing(networks: list[dict[str, Any]]) -> None:
    """Give networks what differs from the first one; a text that is known is not said again."""
    first = (
        {(row["name"], row["value"]) for row in networks[0]["hyperparameters"]} if networks else {}
    )
    told = {row["name"] for row in networks[0]["hyperparameters"]} if networks else set()
    for network in networks:
        rows = [r for r in network["hyperparameters"] if (r["name"], r["value"]) not in first]
        network["differing"] = [r | {"why": ""} if r["name"] in told else r for r in rows]
        told |= {row["name"] for row in rows}


def _data(sources: Sources, parameters: ReportParameters, folder: Path) -> dict[str, Any] | None:
    hr, lr, splits = sources.hr, sources.lr, sources.splits
    if hr is None or lr is None or splits is None:
        return None
    count, bands, height, width = hr.manifest.shape
    low, high = hr.attributes["value_range"]
    chosen = np.linspace(0, count - 1, min(parameters.examples, count)).astype(int)
    figure = draw_examples(hr, lr, [int(chip) for chip in chosen])
    figure.savefig(folder / "examples.jpg", dpi=DPI, pil_kwargs={"quality": QUALITY})
    groups = splits.groupby("split", sort=False)
    return {
        "synthetic": bool(hr.attributes["synthetic"]),
        "source": SOURCES.get(str(hr.attributes["source"]), str(hr.attributes["source"])),
        "imagery": parameters.imagery,
        "hash": hr.manifest.content[:16],
        "recipe": str(lr.attributes["recipe"]),
        "figure": "examples.jpg",
        "chips": count,
        "facts": [
            ["chips", f"{count:,}"],
            ["bands", str(bands)],
            [
                "size of a chip",
                f"{height} {TIMES} {width} pixels (HR), {height // 2} {TIMES} {width // 2} (LR)",
            ],
            ["data type", str(hr.manifest.dtype)],
            ["value range", f"{low:g} to {high:g}"],
            ["low resolution", str(lr.attributes["recipe"])],
            ["rejected", f"{len(hr.table('rejected')):,} files or chips"],
        ],
        "splits": [
            [
                str(name),
                f"{len(group):,}",
                str(group["place"].nunique()),
                ", ".join(sorted(map(str, group["place"].unique()))),
            ]
            for name, group in groups
        ],
    }


def _training(sources: Sources, folder: Path) -> dict[str, Any] | None:
    figure = draw_curves(sources.networks)
    if figure is None:
        return None
    figure.savefig(folder / "curves.png", dpi=DPI)
    ends = []
    for network in sources.networks:
        if network.history is None or "validation_psnr" not in network.history:
            continue
        known = network.history["validation_psnr"].dropna()
        loss = network.history["loss"].dropna()
        ends.append(
            {
                "name": network.name,
                "first": number(known.iloc[0]),
                "best": number(known.max()),
                "loss_first": f"{loss.iloc[0]:.4f}" if len(loss) else "",
                "loss_last": f"{loss.iloc[-1]:.4f}" if len(loss) else "",
                "steps": str(int(network.history["step"].max())),
                "run": named(network.run),
            }
        )
    return {"figure": "curves.png", "ends": ends}


def _metrics() -> dict[str, list[list[str]]]:
    """Return the metrics of every evaluation, and those that are computed if asked for."""
    rows: dict[str, list[list[str]]] = {"always": [], "asked": []}
    for metric in METRICS.values():
        better = "higher" if metric.higher_is_better else "lower"
        rows["asked" if metric.optional else "always"].append([metric.title, metric.unit, better])
    return rows


def _optional(table: pd.DataFrame | None, order: list[str]) -> dict[str, list[list[str]]] | None:
    """Return the optional metrics: a row for each method, their cost, and why some are empty."""
    if table is None or table.empty:
        return None
    titles = list(dict.fromkeys(table["title"]))
    decimals = {metric.title: metric.decimals for metric in METRICS.values()}
    values = {(row["method"], row["title"]): row for row in table.to_dict("records")}
    methods = [method for method in order if method in set(table["method"])]
    rows = [
        [str(method), *(number(values[method, t]["value"], decimals.get(t, 4)) for t in titles)]
        for method in methods
    ]
    seconds = table.groupby("title", sort=False)["seconds"].sum()
    reasons = table[table["reason"].fillna("") != ""].drop_duplicates("title")
    return {
        "rows": [["method", *titles], *rows],
        "seconds": [[str(title), f"{value:.1f}"] for title, value in seconds.items()],
        "reasons": [[str(r["title"]), str(r["reason"])] for r in reasons.to_dict("records")],
    }


def _comparison(sources: Sources, folder: Path) -> dict[str, Any] | None:
    table = sources.comparison
    if table is None:
        return None
    best = table.iloc[0]
    networks = [row for row in table.to_dict("records") if _is_network(str(row["method"]))]
    rows = [
        [
            noted(str(row["method"]), row["origin"], "below linear" if row.get(FAILED) else ""),
            METRICS["psnr"].amount(row["psnr"]).removesuffix(" dB"),
            _interval(row, "psnr", "psnr_low", "psnr_high")[1],
            *_gain(row),
            *(f"{row[key]:.{METRICS[key].decimals}f}" for key in ("ssim", "sam", "ergas")),
            f"{row['consistency']:.2f}",
        ]
        for row in table.to_dict("records")
    ]
    places = []
    if sources.places is not None:
        wide = sources.places.pivot_table(index="place", columns="method", values="psnr")
        shown = [str(row["method"]) for row in networks][:5] or [str(best["method"])]
        shown += [name for name in ("linear", "lanczos", "bicubic") if name in wide]
        places = [["place", *shown]] + [
            [str(place), *(f"{row[name]:.2f}" if name in row else "" for name in shown)]
            for place, row in wide.iterrows()
        ]
    return {
        "chips": int(table["n_chips"].max()),
        "rows": rows,
        "best": str(best["method"]),
        "best_psnr": number(best["psnr"]),
        "network": _sentence(networks[0]) if networks else None,
        "places": places,
        "optional": _optional(sources.optional, list(table["method"])),
        "figures": {
            name: {"file": copy_figure(file, folder, name), "layout": layout_of(file)}
            for name, file in sources.figures.items()
        },
        "run": named(sources.scored_by),
        "other_data": _of_other_data(sources),
        "seen": any("seen" in origin for origin in table["origin"].dropna().astype(str)),
    }


def _of_other_data(sources: Sources) -> str:
    """Return the data hash of the run that scored, if its chips are not those that are here."""
    scored = sources.scored_by.tags.get("data_hash", "") if sources.scored_by else ""
    here = sources.hr.manifest.content if sources.hr else ""
    return scored if scored and here and not here.startswith(scored) else ""


def _sentence(row: Mapping[Any, Any]) -> dict[str, str]:
    origin = f" ({row['origin']})" if isinstance(row.get("origin"), str) and row["origin"] else ""
    return {
        "name": str(row["method"]) + origin,
        "psnr": number(row["psnr"]),
        "gain": f"{row['delta_psnr']:+.2f}",
        "low": f"{row['delta_low']:+.2f}",
        "high": f"{row['delta_high']:+.2f}",
        "verdict": "better"
        if row["delta_low"] > 0
        else "worse"
        if row["delta_high"] < 0
        else "neither better nor worse",
    }


def _gain(row: Mapping[Any, Any]) -> list[str]:
    """Return the gain and its interval; the best interpolation, which it is over, has none."""
    if row["delta_psnr"] == row["delta_low"] == row["delta_high"] == 0:
        return ["0", ""]
    return [f"{row['delta_psnr']:+.2f}", f"[{row['delta_low']:+.2f}, {row['delta_high']:+.2f}]"]


def _interval(row: Mapping[Any, Any], key: str, low: str, high: str) -> list[str]:
    return [number(row[key]), f"[{number(row[low])}, {number(row[high])}]"]


def _times(sources: Sources) -> dict[str, Any]:
    key, peak = "usage/wall_seconds", "usage/peak_memory_mb"
    runs = [
        [
            run.name,
            run.run_id[:8],
            f"{run.metrics[key]:.0f}",
            f"{run.metrics[peak]:,.0f}",
            run.tags.get("device", ""),
            run.tags.get("git_commit", "")[:12],
        ]
        for run in sources.tracked
        if {key, peak} <= set(run.metrics)  # not the trainings within an experiment
    ]
    table, cost = sources.comparison, "seconds_per_megapixel"
    inference = []
    if table is not None and cost in table:
        inference = [
            [str(row["method"]), f"{row[cost]:.2f}"]
            for row in table.to_dict("records")
            if not math.isnan(row[cost])
        ]
    return {"runs": runs[:20], "left_out": max(0, len(runs) - 20), "inference": inference}


def _is_network(method: str) -> bool:
    return method not in REFERENCES and (method not in MODELS or MODELS[method].trainable)
