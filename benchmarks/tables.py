"""The tables of README and docs/, written between markers from results.json."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import faint
import intervals
import over_places
import peer_tables
import processes_tables
import scene_tables
import serving
from quality import VARIED

from sen2naip_sr.evaluation.columns import DIFFERENCE, FAILED, WIDE_COLUMNS, Column

TITLES = {
    "lean": "**Lean**",
    "carn": "CARN",
    "carn_m": "CARN-M",
    "unet": "U-Net",
    "gan": "GAN",
    "linear": "linear filter, fitted",
    "projected": "Lanczos, projected onto LR",
    "lanczos": "Lanczos",
    "bicubic": "bicubic, a = -0.75",
    "bicubic_pil": "bicubic, a = -0.5",
    "bilinear": "bilinear",
    "nearest": "nearest",
}


def write(root: Path, results: Mapping[str, Any]) -> None:
    """Replace the text between ``<!-- bench:NAME -->`` and ``<!-- /bench -->``."""
    recorded = root / "src/sen2naip_sr/weights/scores.json"
    results = {**results, "weights": json.loads(recorded.read_text())}
    for page in (root / "README.md", *sorted((root / "docs").glob("*.md"))):
        text = page.read_text()
        for name, make in TABLES.items():
            try:
                table = make(results) + "\n"
            except KeyError:  # not measured yet: the page keeps what it has
                continue
            pattern = rf"(<!-- bench:{name} -->\n).*?(<!-- /bench -->)"
            text = re.sub(pattern, lambda found, t=table: found[1] + t + found[2], text, flags=re.S)
        page.write_text(text)


def _comparison(scores: Mapping[str, Any]) -> str:
    return _methods(scores["comparison"], WIDE_COLUMNS)


def _methods(rows: Iterable[Mapping[str, Any]], columns: Sequence[Column]) -> str:
    """Return a row for each method with the columns of the catalogue of metrics."""
    head = ["method", *(ours.title for ours in columns)]
    cells = [
        [TITLES.get(row["method"], row["method"]), *(_cell(ours, row) for ours in columns)]
        for row in rows
    ]
    return scene_tables.table(head, cells).replace(
        "difference dB", "against the best interpolation"
    )


def _cell(column: Column, row: Mapping[str, Any]) -> str:
    if column == DIFFERENCE:
        return _delta(row)
    try:
        return column.show(row)
    except KeyError:  # it was measured before there was this metric
        return "-"


def _delta(row: Mapping[str, float]) -> str:
    if not row["delta_psnr"]:
        return "-"
    if "delta_low" not in row:
        return f"{row['delta_psnr']:+.2f}"
    return f"{row['delta_psnr']:+.2f} [{row['delta_low']:+.2f}, {row['delta_high']:+.2f}]"


def _places(scores: Mapping[str, Any], network: str) -> str:
    baseline = next(row["method"] for row in scores["comparison"] if not row["delta_psnr"])
    title = TITLES[network].strip("*")
    by_place: dict[str, dict[str, Any]] = {}
    for row in scores["places"]:
        by_place.setdefault(row["place"], {})[row["method"]] = row
    rows = []
    for place, methods in by_place.items():
        ours, theirs = methods[network], methods[baseline]
        rows.append(
            f"| {place} | {ours['n_chips']} | {theirs['psnr']:.2f} | {ours['psnr']:.2f} "
            f"| {ours['delta_psnr']:+.2f} | {theirs['ssim']:.4f} | {ours['ssim']:.4f} |"
        )
    head = (
        f"| test place | chips | {TITLES[baseline]} dB | {title} dB | difference "
        f"| {TITLES[baseline]} SSIM | {title} SSIM |\n|---|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(rows)


def _machine(results: Mapping[str, Any]) -> str:
    names = ("startup", "ingestion", "memory", "sampling", "training_step", "front_door")
    start, read, memory, sampling, step, door = (results[name] for name in names)
    arithmetic = "bfloat16" if step["bfloat16"] else "float32: this processor has no bfloat16"
    rows = [
        ("`import sen2naip_sr`", f"{door['import_s']} s", "0.1 s"),
        (
            "first `sr.upscale` of 256 x 256 pixels, with imports (one thread's processor time)",
            f"{door['first_upscale_s']} s",
            "3 s",
        ),
        ("`kedro registry list`", f"{start['registry_list_s']} s", "4 s"),
        (
            "`kedro run --pipelines=preprocess` with nothing to do",
            f"{start['preprocess_again_s']} s",
            "8 s",
        ),
        (
            f"ingestion and preprocessing of {read['files']} files, against a loop that only reads "
            "them",
            f"{read['ratio']} times",
            "1.5 times",
        ),
        (
            "peak anonymous memory for 5,000 chips above that for 500",
            f"{memory['growth_mb']} MB",
            "100 MB",
        ),
        (
            "crops a second of the sampler, against CARN's training step",
            f"{sampling['ratio']} times",
            "at least 10 times",
        ),
        (
            "training step of CARN (64 channels, 16 crops of 48 x 48), against a plain eager "
            f"float32 loop with a DataLoader ({arithmetic})",
            f"{step['ratio']} times as fast",
            "2 times, with bfloat16",
        ),
    ]
    body = "\n".join(f"| {what} | {value} | {bound} |" for what, value, bound in rows)
    return f"| what | measured | bound |\n|---|---|---|\n{body}"


def _shipped(models: Mapping[str, Any], pixels: str) -> str:
    """Return the recorded scores of the shipped weights, best first, above the interpolation."""
    scores = {name: model["scores"][pixels] for name, model in models.items()}
    rows = {name: score["all"] for name, score in scores.items()}
    interpolation = next(iter(scores.values()))["interpolation"]
    rows[interpolation["method"]] = interpolation
    ranked = sorted(rows.items(), key=lambda item: -item[1]["psnr"])
    columns = [column for column in WIDE_COLUMNS if "seconds" not in column.template]
    return _methods(({**row, "method": name} for name, row in ranked), columns)


def _shipped_places(models: Mapping[str, Any]) -> str:
    """Return the difference to the best interpolation by test place, one column per network."""
    places = {name: model["scores"]["native"]["places"] for name, model in models.items()}
    lines = [f"| difference, dB | {' | '.join(TITLES[name] for name in places)} |"]
    lines.append("|---|" + "---|" * len(places))
    for place in next(iter(places.values())):
        cells = (f"{rows[place]['delta_psnr']:+.2f}" for rows in places.values())
        lines.append(f"| {place} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _varied(measured: Mapping[str, Any]) -> str:
    """Return the gain over the best method without a network, by place and pixels.

    The mean of places has the interval over places.
    """
    lines = []
    for scores, pixels in (("native", "0.6 and 1 m"), ("coarse", "downsampled 4x")):
        places = measured[scores]["places"]
        parts = {f"all test chips, {pixels}": measured[scores]["comparison"]}
        parts |= {f"- {row['place']}": [] for row in places if scores == "native"}
        for row in places:
            parts.get(f"- {row['place']}", []).append(row)
        for title, rows in parts.items():
            found = {row["method"]: row for row in rows}
            plain = over_places.best_plain(found)
            gains = [f"{found[name]['psnr'] - plain:+.2f}" for name in VARIED]
            psnr = [f"{value:.2f}" for value in (found["lanczos"]["psnr"], plain)]
            lines.append([title, str(found["lanczos"]["n_chips"]), *psnr, *gains])
        gains = [over_places.gains_without_network(places, name) for name in VARIED]
        shown = map(over_places.shown, gains)
        lines.append(["mean of the places, with its interval", "", "", "", *shown])
    return scene_tables.table(["imagery", "chips", "Lanczos", "without a network", *VARIED], lines)


def _without_network(measured: Mapping[str, Any]) -> str:
    """Return gains over Lanczos, and of networks over the best method without one, dB."""
    networks = ("lean", *VARIED)
    plain = ("bicubic", "projected", "linear")
    lines = []
    for scores, pixels in ((measured["native"], ""), (measured["coarse"], ", 4 times the pixel")):
        parts = {"all test places": scores["comparison"]}
        for row in scores["places"]:
            parts.setdefault(f"- {row['place']}", []).append(row)
        for where, rows in parts.items():
            found = {row["method"]: row for row in rows}
            best = over_places.best_plain(found)
            lanczos = found["lanczos"]["psnr"]
            gains = [_marked(found[name], lanczos) for name in (*plain, *networks)]
            over = [_marked(found[name], best) for name in VARIED]
            lines.append([where + pixels, *gains, *over])
    head = ["gain over Lanczos, dB", "bicubic", "projected", "linear filter", *networks]
    head += [f"{name} over the best without a network" for name in VARIED]
    return scene_tables.table(head, lines)


def _marked(row: Mapping[str, Any], baseline: float) -> str:
    return f"{row['psnr'] - baseline:+.2f}" + " (failed)" * bool(row[FAILED])


def _trials(measured: Mapping[str, Any]) -> str:
    rows = [
        f"| {row['trial']} | {row['steps']:,} | +{row['gain_db']:.2f} "
        f"| +{row['coarse_gain_db']:.2f} |"
        for row in sorted(measured["rows"], key=lambda row: -row["gain_db"])
    ]
    head = (
        f"| {measured['minutes']:g} minutes, one thread | steps | gain dB | at 2.4 m |\n"
        "|---|---|---|---|\n"
    )
    return head + "\n".join(rows)


def _candidates(measured: Mapping[str, Any]) -> str:
    rows = [
        f"| {row['trial']} | {row['parameters']:,} | {row['multiply_adds']:,} "
        f"| {row['ms_per_megapixel']:,} | {row['steps']:,} | +{row['gain_db']:.2f} "
        f"| +{row['coarse_gain_db']:.2f} |"
        for row in sorted(measured["rows"], key=lambda row: -row["gain_db"])
    ]
    head = (
        "| network | parameters | multiply-adds a pixel | ms a megapixel "
        f"| steps in {measured['minutes']:g} minutes | gain dB | at 2.4 m |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(rows)


TABLES = {
    "candidates": lambda results: _candidates(results["candidates"]),
    "equal-time": lambda results: _candidates(results["equal_time"]),
    "pixel-sizes": lambda results: _trials(results["pixel_sizes"]),
    "detail": lambda results: _trials(results["detail"]),
    "faint": lambda results: faint.faint(results["faint"]),
    "dark": lambda results: faint.dark(results["faint"]),
    "varied": lambda results: _varied(results["varied"]),
    "without-network": lambda results: _without_network(results["varied"]),
    "shipped": lambda results: _shipped(results["weights"], "native"),
    "shipped-places": lambda results: _shipped_places(results["weights"]),
    "shipped-coarse": lambda results: _shipped(results["weights"], "reduced"),
    "naip-comparison": lambda results: _comparison(results["naip"]),
    "naip-places": lambda results: _places(results["naip"], "carn"),
    "demo-sample": lambda results: _comparison(results["demo"]["sample"]),
    "demo-naip": lambda results: _comparison(results["demo"]["naip"]),
    **{
        f"degraded-{name}": lambda results, name=name: results["degraded"]["tables"][name]
        for name in ("settings", "places", "kinds")
    },
    "machine": _machine,
    "serving": serving.table,
    **over_places.TABLES,
    **scene_tables.TABLES,
    **peer_tables.TABLES,
    **intervals.TABLES,
    **processes_tables.TABLES,
}
