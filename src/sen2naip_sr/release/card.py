"""The model card of shipped weights: architecture, training data, scores and limits."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sen2naip_sr.evaluation.columns import COLUMNS, Column, markdown
from sen2naip_sr.models.cost import count_parameters, multiply_adds_per_pixel
from sen2naip_sr.models.registry import get_spec
from sen2naip_sr.release.calibrate import intervals_section
from sen2naip_sr.weights.calibration import Calibration
from sen2naip_sr.weights.files import Weights

CARD = Path(__file__).with_name("card.md")
"""The template of all cards."""

FURTHER_LIMITS = {
    "gan": """\
- Texture is plausible, not observed: the adversarial training invents texture that resembles the
  training data. This is why its PSNR is lower than the generator's.
"""
}
"""Limits that apply to some networks only."""


def model_card(
    weights: Weights,
    record: Mapping[str, Any],
    validation_places: list[str],
    calibration: Calibration,
) -> str:
    """Return the model card, in Markdown."""
    known, model = weights.metadata, weights.build()
    change = record["half_precision_change_db"]
    values = known.model_dump() | {
        "title": get_spec(known.architecture).title,
        "parameters": count_parameters(model),
        "multiply_adds": int(multiply_adds_per_pixel(model, known.bands)),
        "precision": record["precision"],
        "sha256": record["sha256"],
        "half_precision": "-" if change is None else f"{change:+.4f}",
        "train_places": ", ".join(known.train_places),
        "validation_places": ", ".join(validation_places),
        "started_from": known.started_from or "random weights",
        "training": yaml.safe_dump(json.loads(known.model_dump_json())["training"]),
        "interpolation": record["scores"]["native"]["interpolation"]["method"],
        "intervals": intervals_section(calibration, record["interval"]["places"]),
        "further_limits": FURTHER_LIMITS.get(known.architecture, ""),
    }
    tables = {
        key: score_table(known.architecture, scores) for key, scores in record["scores"].items()
    }
    return CARD.read_text(encoding="utf-8").format(**values | tables)


def score_table(name: str, scores: Mapping[str, Any]) -> str:
    """Return the scores of one pixel size as a Markdown table, one row per place."""
    columns = [
        Column("chips", "{n_chips}"),
        *(column for column in COLUMNS if "seconds" not in column.template),
    ]
    rows = {
        f"all, {scores['interpolation']['method']}": scores["interpolation"],
        f"all, {name}": scores["all"],
        **{f"{place}, {name}": row for place, row in scores["places"].items()},
    }
    lines = []
    for head, row in rows.items():
        known = {key: math.nan if value is None else value for key, value in row.items()}
        lines.append([head, *(column.show(known) for column in columns)])
    return markdown(["test place, method", *(column.title for column in columns)], lines)
