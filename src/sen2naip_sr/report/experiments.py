"""What the report says of experiments, explanations, and what people said."""

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from sen2naip_sr.report.figures import copy_figure, layout_of
from sen2naip_sr.report.networks import named
from sen2naip_sr.report.sources import Experiment, Sources

TEXTS = Path(__file__).with_name("sections.yml")
"""What each experiment is about, and what to see in its figures."""
OTHER = "other"
"""The texts of experiments that have none of their own."""
EXPLAINED = {
    "image": ("chip", "{}"),
    "role": ("why", "{}"),
    "model": ("network", "{}"),
    "gain_db": ("gain dB", "{:+.2f}"),
    "pixels_95": ("pixels", "{:.0f}"),
    "side_95_metres": ("side m", "{:.0f}"),
    "own_band": ("own band", "{:.0%}"),
    "restored": ("restored", "{:.0%}"),
    "invented": ("invented", "{:.0%}"),
    "completeness_error": ("complete.", "{:.2%}"),
    "random_rank_correlation": ("random", "{:.2f}"),
}
"""Columns of the table of explanations: heading and format."""


def experiments_content(sources: Sources, folder: Path) -> list[dict[str, Any]]:
    """Return what is told of each experiment, and copy its figures into the folder."""
    texts = yaml.safe_load(TEXTS.read_text(encoding="utf-8"))
    return [_content(one, texts, folder) for one in sources.experiments]


def _content(one: Experiment, texts: dict[str, Any], folder: Path) -> dict[str, Any]:
    own = texts[OTHER] | texts.get(one.name, {})
    return {
        "name": one.name,
        "section": own.get("section", "experiments"),
        "title": own.get("title", one.name.replace("_", " ").capitalize()),
        "about": own["about"],
        "findings": one.findings,
        "run": named(one.run),
        "figures": [
            {
                "file": copy_figure(file, folder, f"{one.name}-{k}"),
                "layout": layout_of(file),
                "caption": own[kind],
                "alt": f"{kind.capitalize()} of {one.name}",
            }
            for k, (kind, file) in enumerate(one.figures)
        ],
        "table": _explained(one.table) if one.name == "explain" else [],
    }


def _explained(table: pd.DataFrame | None) -> list[list[str]]:
    """Return the table of explanations with its headings; empty without one."""
    if table is None or not set(EXPLAINED) <= set(table):
        return []
    rows = [
        ["" if pd.isna(row[key]) else how.format(row[key]) for key, (_, how) in EXPLAINED.items()]
        for row in table.to_dict("records")
    ]
    return [[heading for heading, _ in EXPLAINED.values()], *rows]
