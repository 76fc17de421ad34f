"""Make trained weights those that the project ships, with their card and scores.

    python benchmarks/ship.py FILE.safetensors --data FOLDER [--cache FOLDER] [--force]

They are scored on the test places of conf/naip, at the chips' own pixel and at one four times as
large, and take the place of the shipped weights of their architecture if they score higher.
docs/weights.md says how to make the file and what becomes of it.
"""

import argparse
import hashlib
import json
import math
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml
from kedro.config import OmegaConfigLoader

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.columns import COLUMNS, Column
from sen2naip_sr.evaluation.comparison import best_interpolation, compare_methods
from sen2naip_sr.evaluation.methods import Method, interpolations, require_fitting
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.scoring import ALL_BANDS, score_methods
from sen2naip_sr.models.cost import count_parameters, multiply_adds
from sen2naip_sr.models.registry import get_spec
from sen2naip_sr.pairs import Downscaling
from sen2naip_sr.pipelines.preprocessing.parameters import PreprocessingParameters
from sen2naip_sr.raster.store import Store, require_store
from sen2naip_sr.settings import CONFIG_LOADER_ARGS
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.sources.ingest import Ingestion
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.splits import TEST, VALIDATION, make_splits, split_hash
from sen2naip_sr.training.checkpoint import replacing
from sen2naip_sr.training.shipped import FOLDER
from sen2naip_sr.training.validation import Validator, spread
from sen2naip_sr.training.weights import Weights, load_weights, save_weights

CONF = Path(__file__).parents[1] / "conf"
SCORES = "scores.json"
REDUCTIONS = {"native": 1, "reduced": 4}
"""Sets of test chips by name, and how many times larger their pixels are made."""
MOST_CHANGE_DB = 0.005
"""Half precision may change the mean PSNR by less than this."""
CHECKED_CHIPS = 24
SPOT_CHIPS = 2
ADVERSARIAL = "gan"
COUNTED = 64
"""Side of the image whose multiply-adds are counted, in LR pixels."""

CARD = """# {title}: the shipped weights

Upscales images of {bands} bands (red, green, blue, near-infrared) twofold. Made by
`python benchmarks/ship.py`; what that is: docs/weights.md. The architecture: docs/models.md.

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

## Limits

- The training saw 8-bit NAIP of three places in California, with pixels of 0.6 m (and larger ones
  where the parameters above say `pixel_sizes`), made coarser by one recipe. Other sensors blur
  otherwise, and other land looks otherwise.
- At 2.5 m, expect what the second table says, where the image is as sharp as a reduced aerial one.
- On Sentinel-2 (10 m) there is no ground truth to score against: nothing here says how right the
  result is. Expect crisper edges of what is visible already, not objects below the pixel size.
- Look at a result, do not measure on it: areas, counts and spectral indices belong to the original.
{gan_limit}"""
GAN_LIMIT = """\
- Texture is plausible, not observed: the adversarial training invents what looks like the training
  data. PSNR is lower than the generator's for that reason.
"""


@dataclass(frozen=True)
class Chips:
    """Chips of the benchmark, and how they are scored."""

    hr: Store
    lr: Store
    splits: pd.DataFrame
    evaluation: EvaluationParameters

    @property
    def tested(self) -> pd.DataFrame:
        """The test chips' rows of the index."""
        index = self.hr.table("index")
        return index[(self.splits["split"] == TEST).to_numpy()]

    @property
    def validation_places(self) -> list[str]:
        """The places that picked the best weights."""
        return sorted(self.splits.loc[self.splits["split"] == VALIDATION, "place"].unique())


def make_chips(data: Path, folder: Path, reduction: int) -> Chips:
    """Make the benchmark's stores as ``kedro run --env=naip`` would, unless they are current.

    Args:
        data: GeoTIFFs, one folder a place.
        folder: Where the stores lie.
        reduction: Make pixels so many times larger first.
    """
    given = {"ingestion": {"path": str(data), "reduce": reduction}}
    values = OmegaConfigLoader(CONF, env="naip", runtime_params=given, **CONFIG_LOADER_ARGS)[
        "parameters"
    ]
    preprocessing = PreprocessingParameters(**values["preprocessing"])
    Ingestion(DirectorySource(data), IngestionParameters(**values["ingestion"])).make(folder / "hr")
    hr = require_store(folder / "hr")
    Downscaling(hr, preprocessing.recipe, preprocessing.seed).make(folder / "lr")
    splits = make_splits(hr.table("index"), preprocessing.splits)
    return Chips(
        hr, require_store(folder / "lr"), splits, EvaluationParameters(**values["evaluation"])
    )


def ship(file: Path, data: Path, cache: Path, target: Path, *, force: bool = False) -> None:
    """Score weights and put them, their card and their scores into a folder.

    Args:
        file: The weights.
        data: The benchmark's GeoTIFFs, one folder a place.
        cache: Where the stores are kept for the next time.
        target: The folder of the shipped weights.
        force: Take weights that are no better than interpolation or the recorded ones.

    Raises:
        UserError: If the weights do not fit the benchmark, or are not better.
    """
    weights = load_weights(file)
    name = weights.metadata.architecture
    print("making the test chips", flush=True)
    chips = {key: make_chips(data, cache / key, by) for key, by in REDUCTIONS.items()}
    native = chips["native"]
    require_same_split(weights, native)
    print("comparing half with single precision", flush=True)
    stored, change = in_half_precision(weights, native)
    print(f"stored in {_dtype(stored)}: {change:+.4f} dB in half precision", flush=True)
    scores = {}
    for key, some in chips.items():
        print(f"scoring {name} on {len(some.tested)} test chips, {key} pixels", flush=True)
        table = score_network(stored, some)
        scores[key] = summarise(table, name, some.evaluation)
        if key == "native":
            spot = spot_scores(table, name, some)
            recorded = read_scores(target)
            if not force:
                require_better(weights, scores[key], recorded.get(name))
    path = target / f"{name}.safetensors"
    save_weights(path, stored.state, stored.metadata)
    record = {
        "label": weights.label,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "precision": _dtype(stored),
        "half_precision_change_db": round(change, 4) if math.isfinite(change) else None,
        "scores": scores,
        "spot": spot,
    }
    with replacing(target / f"{name}.md") as stream:
        stream.write(card(stored, record, native.validation_places).encode())
    with replacing(target / SCORES) as stream:
        text = json.dumps(recorded | {name: record}, indent=1, sort_keys=True, allow_nan=False)
        stream.write((text + "\n").encode())
    print(f"{path}: {scores['native']['all']['psnr']:.2f} dB", flush=True)


def require_same_split(weights: Weights, chips: Chips) -> None:
    """Check that the weights were trained on the benchmark's split, and fit its chips.

    Raises:
        UserError: If not.
    """
    known = weights.metadata
    require_fitting(known, known.architecture, chips.hr, chips.lr, chips.splits)
    if known.split_hash != (here := split_hash(chips.splits)):
        raise UserError(
            f"{weights.source}: trained on the split {known.split_hash}, the test chips are of "
            f"{here}",
            "train with --env=shipped and --params ingestion.path= the folder given as --data",
        )
    if known.commit is None:
        raise UserError(
            f"{weights.source}: does not say of which commit it is", "train in a git checkout"
        )


def in_half_precision(weights: Weights, chips: Chips) -> tuple[Weights, float]:
    """Return the weights as they are to be stored, and what halving them changes in dB."""
    halved = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in weights.state.items()
    }
    validate = Validator(
        chips.hr.chips,
        chips.lr.chips,
        chips.tested["chip"].to_numpy(),
        weights.metadata.value_range,
        CHECKED_CHIPS,
    )
    smaller = replace(weights, state=halved)
    before, after = (validate(each.build(), torch.device("cpu")) for each in (weights, smaller))
    # not a number, after an overflow, is not below either
    close = abs(after - before) < MOST_CHANGE_DB
    return (smaller if close else weights), after - before


def score_network(weights: Weights, chips: Chips) -> pd.DataFrame:
    """Return the protocol's scores of the network and of every interpolation."""
    name = weights.metadata.architecture
    network = Method(name, get_spec(name).title, weights.build(), trained=True)
    methods = [*interpolations(weights.metadata.bands), network]
    return score_methods(methods, chips.hr, chips.lr, chips.splits, chips.evaluation)


def summarise(scores: pd.DataFrame, name: str, evaluation: EvaluationParameters) -> dict[str, Any]:
    """Return the network's scores over all places and in each, beside the best interpolation's.

    Everywhere the difference is to the interpolation that is best over all places.
    """
    best = best_interpolation(scores)
    pair = scores[scores["method"].isin([best, name])]

    def compare(some: pd.DataFrame) -> pd.DataFrame:
        options = (evaluation.bootstrap_draws, evaluation.bootstrap_seed)
        return compare_methods(some, *options).set_index("method")

    overall = compare(pair)
    return {
        "interpolation": {"method": best} | _rounded(overall.loc[best]),
        "all": _rounded(overall.loc[name]),
        "places": {
            str(place): _rounded(compare(some).loc[name]) for place, some in pair.groupby("place")
        },
    }


def spot_scores(scores: pd.DataFrame, name: str, chips: Chips) -> dict[str, float]:
    """Return the PSNR of a few chips of every place, by file."""
    mine = scores[(scores["method"] == name) & (scores["band"] == ALL_BANDS)]
    psnr = mine.set_index("chip")["psnr"]
    return {
        str(row["file"]): round(float(psnr[row["chip"]]), 4)
        for _, place in chips.tested.sort_values("file").groupby("place")
        for _, row in place.iloc[spread(range(len(place)), SPOT_CHIPS)].iterrows()
    }


def require_better(
    weights: Weights, native: Mapping[str, Any], recorded: Mapping[str, Any] | None
) -> None:
    """Check that weights are worth shipping.

    Args:
        weights: The new ones.
        native: Their scores at the chips' own pixel.
        recorded: What is known of those that are shipped now; None: there are none.

    Raises:
        UserError: If interpolation or the shipped weights score higher.
    """
    remedy = "train longer, or give --force"
    found = native["all"]["psnr"]
    where = native["places"] if weights.metadata.architecture != ADVERSARIAL else {}
    for place, row in {"all places": native["all"], **where}.items():
        if row["delta_psnr"] <= 0:
            method = native["interpolation"]["method"]
            raise UserError(
                f"{weights.source}: {row['delta_psnr']:+.2f} dB to {method} on {place}", remedy
            )
    if recorded and recorded["scores"]["native"]["all"]["psnr"] > found:
        best = recorded["scores"]["native"]["all"]["psnr"]
        raise UserError(
            f"{weights.source} ({weights.label}) scores {found:.4f} dB, the shipped weights "
            f"({recorded['label']}) {best:.4f} dB",
            remedy,
        )


def card(weights: Weights, record: Mapping[str, Any], validation_places: list[str]) -> str:
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
        "gan_limit": GAN_LIMIT if known.architecture == ADVERSARIAL else "",
    }
    tables = {key: score_table(known.architecture, record["scores"][key]) for key in REDUCTIONS}
    return CARD.format(**values | tables)


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


def read_scores(folder: Path) -> dict[str, Any]:
    """Return what is recorded of the weights in a folder, by network."""
    file = folder / SCORES
    return json.loads(file.read_text()) if file.exists() else {}


def _dtype(weights: Weights) -> str:
    halved = any(tensor.dtype == torch.float16 for tensor in weights.state.values())
    return "float16" if halved else "float32"


def _rounded(row: pd.Series) -> dict[str, float | None]:
    """Return what another machine would find too; None for what is not a number."""
    values = row.drop("seconds_per_megapixel").astype(float)
    return {
        str(key): round(value, 4) if math.isfinite(value) else None for key, value in values.items()
    } | {"n_chips": int(row["n_chips"])}


def main() -> None:
    """Ship what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="the weights")
    parser.add_argument("--data", type=Path, required=True, help="GeoTIFFs, one folder a place")
    parser.add_argument("--cache", type=Path, help="keep the test chips here for the next time")
    parser.add_argument("--target", type=Path, default=FOLDER, help="the shipped weights' folder")
    parser.add_argument("--force", action="store_true", help="ship them although others are better")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            cache = given.cache or Path(scratch)
            ship(given.file, given.data, cache, given.target, force=given.force)
        except UserError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
