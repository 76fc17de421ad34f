"""The model card of shipped weights: architecture, training data, scores and limits."""

import json
import math
from collections.abc import Mapping
from typing import Any

import yaml

from sen2naip_sr.evaluation.columns import COLUMNS, Column
from sen2naip_sr.models.cost import count_parameters, multiply_adds
from sen2naip_sr.models.registry import get_spec
from sen2naip_sr.weights.files import Weights

COUNTED = 64
"""Side in LR pixels of the image whose multiply-adds are counted."""

CARD = """# {title}: the shipped weights

Upscales images of {bands} bands (red, green, blue, near-infrared) twofold. Made by
`python -m sen2naip_sr.release.ship` (docs/weights.md). The architecture: docs/models.md.

| | |
|---|---|
| architecture | `{architecture}` {architecture_parameters} |
| size | {parameters:,} parameters, {multiply_adds:,} multiply-adds for each low-resolution pixel |
| file | `{architecture}.safetensors`, {precision}, SHA-256 `{sha256}` |
| half precision | changes PSNR by {half_precision} dB |
| trained on | {train_places} |
| validated on | {validation_places} ({validation_psnr:.2f} dB at step {step}) |
| recipe of low resolution | `{recipe}` |
| split, data | `{split_hash}`, `{data_hash}` |
| started from | {started_from} |
| commit, version | `{commit}`, {version} |

## Data

NAIP, USDA FSA/FPAC (public domain), 8 bits, pixels of 0.6 m, in West Virginia 1 m. Chips of
Californian cities: Ventura et al. 2024, [urban-tree-detection-data](\
https://github.com/jonathanventura/urban-tree-detection-data), CC BY 4.0. Chips of the Central
Valley: the tile2vec sample, MIT. Chips of West Virginia: the Chesapeake Land Cover sample.

## Training

`kedro run --env=shipped --pipelines=train_{architecture} --params ingestion.path=FOLDER`, with

```yaml
{training}```

## Scores

On places that were neither trained nor validated on, by docs/protocol.md. `difference` is the
paired difference to {interpolation}, with the 95 % interval of a bootstrap over locations.

### At the chips' own pixel: 0.6 m, in West Virginia 1 m

{native}

### At pixels four times as large: 2.4 m, in West Virginia 4 m

The chips were reduced 4 times by the mean of the area before the protocol began.

{reduced}

## Intervals

Half-widths that `--uncertainty` writes were calibrated on the validation chips for {level:.0%} of
the truth's pixels. On the test chips above, at their own pixel, they cover {coverage}.

## Limits

- The training saw 8-bit NAIP of three places in California, with pixels of 0.6 m (and larger ones
  where the parameters above say `pixel_sizes`), made coarser by one recipe. Other sensors blur
  otherwise, and other land looks otherwise.
- At 2.5 m, expect what the second table says, where the image is as sharp as a reduced aerial one.
- On Sentinel-2 (10 m) there is no ground truth to score against: nothing here says how right the
  result is. Expect crisper edges of what is visible already, not objects below the pixel size.
- Look at a result, do not measure on it: areas, counts and spectral indices belong to the original.
{further_limits}"""
FURTHER_LIMITS = {
    "gan": """\
- Texture is plausible, not observed: the adversarial training invents what looks like the training
  data. PSNR is lower than the generator's for that reason.
"""
}
"""Limits that apply to some networks only."""


def model_card(weights: Weights, record: Mapping[str, Any], validation_places: list[str]) -> str:
    """Return the model card, in Markdown."""
    known, model = weights.metadata, weights.build()
    change = record["half_precision_change_db"]
    values = known.model_dump() | {
        "title": get_spec(known.architecture).title,
        "parameters": count_parameters(model),
        "multiply_adds": multiply_adds(model, known.bands, COUNTED, COUNTED) // COUNTED**2,
        "precision": record["precision"],
        "sha256": record["sha256"],
        "half_precision": "-" if change is None else f"{change:+.4f}",
        "train_places": ", ".join(known.train_places),
        "validation_places": ", ".join(validation_places),
        "started_from": known.started_from or "random weights",
        "training": yaml.safe_dump(json.loads(known.model_dump_json())["training"]),
        "interpolation": record["scores"]["native"]["interpolation"]["method"],
        **_intervals(record),
        "further_limits": FURTHER_LIMITS.get(known.architecture, ""),
    }
    tables = {
        key: score_table(known.architecture, scores) for key, scores in record["scores"].items()
    }
    return CARD.format(**values | tables)


def _intervals(record: Mapping[str, Any]) -> dict[str, Any]:
    interval = record["interval"]
    places = ", ".join(f"{place} {share:.1%}" for place, share in interval["places"].items())
    return {"level": interval["level"], "coverage": f"{interval['all']:.1%} ({places})"}


def score_table(name: str, scores: Mapping[str, Any]) -> str:
    """Return the scores of one pixel size as a Markdown table, a row a place."""
    columns = [
        Column("chips", "{n_chips}"),
        *(column for column in COLUMNS if "seconds" not in column.template),
    ]
    rows = {
        f"all, {scores['interpolation']['method']}": scores["interpolation"],
        f"all, {name}": scores["all"],
        **{f"{place}, {name}": row for place, row in scores["places"].items()},
    }
    lines = [["test place, method", *(column.title for column in columns)]]
    lines.append(["---"] * len(lines[0]))
    for head, row in rows.items():
        known = {key: math.nan if value is None else value for key, value in row.items()}
        lines.append([head, *(column.show(known) for column in columns)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
