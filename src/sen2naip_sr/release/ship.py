"""Ship trained weights with the project, together with their model card and scores.

    python -m sen2naip_sr.release.ship FILE.safetensors --data FOLDER [--cache FOLDER] [--force]

The weights are scored on the test places of conf/naip, at the chips' own pixel size and at one four
times as large. They replace the shipped weights of their architecture if they score higher.
docs/weights.md says how to train the file and what the shipped files are.
"""

import argparse
import fcntl
import hashlib
import logging
import math
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from sen2naip_sr.chips.splits import split_hash, spread
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.columns import ALL_BANDS, FAILED
from sen2naip_sr.evaluation.comparison import best_interpolation, compare_methods
from sen2naip_sr.evaluation.methods import Method, interpolations, require_fitting
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.scoring import score_methods
from sen2naip_sr.evaluation.seen import TestChips
from sen2naip_sr.files import write_atomically
from sen2naip_sr.models.registry import get_spec
from sen2naip_sr.release.benchmark import Chips, make_chips
from sen2naip_sr.release.calibrate import calibrate_file, read_scores, write_scores
from sen2naip_sr.release.card import model_card
from sen2naip_sr.training.validation import Validator
from sen2naip_sr.weights.calibration import load_calibration
from sen2naip_sr.weights.files import Weights, load_weights, save_weights
from sen2naip_sr.weights.shipped import FOLDER

logger = logging.getLogger(__name__)

REDUCTIONS = {"native": 1, "reduced": 4}
"""Sets of test chips by name, and the factor by which they are downsampled first."""
MOST_CHANGE_DB = 0.005
"""Weights are stored in half precision if that changes the mean PSNR by less than this."""
CHECKED_CHIPS = 24
SPOT_CHIPS = 2
ADVERSARIAL = "gan"


def ship(file: Path, data: Path, cache: Path, target: Path, *, force: bool = False) -> None:
    """Score weights and write them, their model card and their scores into a folder.

    Args:
        file: The weights.
        data: The benchmark's GeoTIFFs, one folder per place.
        cache: The folder of the stores, which are kept for the next time.
        target: The folder of the shipped weights.
        force: Ship weights even if they are no better than interpolation or the shipped ones.

    Raises:
        UserError: If the weights were not trained on the benchmark, or are not better.
    """
    weights = load_weights(file)
    name = weights.metadata.architecture
    logger.info("making the test chips")
    chips = {key: make_chips(data, cache / key, by) for key, by in REDUCTIONS.items()}
    native = chips["native"]
    require_same_split(weights, native)
    logger.info("comparing half with single precision")
    stored, change = in_half_precision(weights, native)
    logger.info("stored in %s: %+.4f dB in half precision", _dtype(stored), change)
    scores = {}
    for key, some in chips.items():
        logger.info("scoring %s on %d test chips, %s pixels", name, len(some.tested), key)
        table = score_network(stored, some)
        scores[key] = summarise(table, name, some.evaluation)
        if key == "native":
            spot = spot_scores(table, name, some)
            if not force:
                require_better(weights, scores[key], read_scores(target).get(name))
    record = {
        "precision": _dtype(stored),
        "half_precision_change_db": round(change, 4) if math.isfinite(change) else None,
        "scores": scores,
        "spot": spot,
    }
    with locked(target):
        if not force:  # another process may have shipped better ones meanwhile
            require_better(weights, scores["native"], read_scores(target).get(name))
        put(target, stored, record, native)
    logger.info("%s.safetensors: %.2f dB", target / name, scores["native"]["all"]["psnr"])


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, so that one process at a time writes into it."""
    folder.mkdir(parents=True, exist_ok=True)
    # locking the folder itself leaves no lock file among the weights
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def put(target: Path, weights: Weights, record: Mapping[str, Any], chips: Chips) -> None:
    """Write weights, their model card, their calibration and their record.

    Args:
        target: The folder, `locked`.
        weights: As they are to be stored.
        record: What is known of them, but for the file's hash and the intervals.
        chips: Those of validation calibrate the intervals.
    """
    name = weights.metadata.architecture
    path = target / f"{name}.safetensors"
    save_weights(path, weights.state, weights.metadata)
    record = {
        **record,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        **calibrate_file(path, chips),
    }
    calibration = load_calibration(load_weights(path))
    card = model_card(weights, record, chips.validation_places, calibration)
    write_atomically(target / f"{name}.md", card.encode())
    write_scores(target, read_scores(target) | {name: record})


def require_same_split(weights: Weights, chips: Chips) -> None:
    """Check that the weights were trained on the benchmark's split and fit its chips.

    Raises:
        UserError: If not.
    """
    known = weights.metadata
    require_fitting(known, known.architecture, chips.hr, chips.lr)
    TestChips(chips.hr, chips.splits).require_unseen(known, "train on the benchmark's split")
    if known.split_hash != (here := split_hash(chips.splits)):
        raise UserError(
            "split-differs",
            f"{weights.source}: trained on the split {known.split_hash}, the test chips are of "
            f"{here}",
            "train on the same chips with the configuration of the shipped weights",
        )
    if known.commit is None:
        raise UserError(
            "commit-missing",
            f"{weights.source}: does not name the commit that trained it",
            "train in a git checkout",
        )


def in_half_precision(weights: Weights, chips: Chips) -> tuple[Weights, float]:
    """Return the weights to store, and the change in PSNR (dB) by half precision."""
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
    # after an overflow the difference is NaN, and this is false
    close = abs(after - before) < MOST_CHANGE_DB
    return (smaller if close else weights), after - before


def score_network(weights: Weights, chips: Chips) -> pd.DataFrame:
    """Return the protocol's scores of the network and of every interpolation."""
    name = weights.metadata.architecture
    network = Method(name, get_spec(name).title, weights.build(), trained=True)
    methods = [*interpolations(weights.metadata.bands), network]
    return score_methods(methods, chips.hr, chips.lr, chips.splits, chips.evaluation)


def summarise(scores: pd.DataFrame, name: str, evaluation: EvaluationParameters) -> dict[str, Any]:
    """Return the network's scores, over all places and by place, and the best interpolation's.

    Everywhere the difference is to the interpolation that is best over all places.
    """
    best = best_interpolation(scores)
    pair = scores[scores["method"].isin([best, name])]

    def compare(some: pd.DataFrame) -> dict[str, dict[str, float | None]]:
        rows = compare_methods(some, evaluation.bootstrap_draws, evaluation.bootstrap_seed)
        return {row["method"]: _rounded(row) for _, row in rows.iterrows()}

    overall = compare(pair)
    return {
        "interpolation": {"method": best} | overall[best],
        "all": overall[name],
        "places": {str(place): compare(some)[name] for place, some in pair.groupby("place")},
    }


def spot_scores(scores: pd.DataFrame, name: str, chips: Chips) -> dict[str, float]:
    """Return the PSNR of a few chips of every place, by file."""
    mine = scores[(scores["method"] == name) & (scores["band"] == ALL_BANDS)]
    psnr = mine.set_index("chip")["psnr"]
    return {
        str(row["file"]): round(float(psnr[row["chip"]]), 4)
        for _, place in chips.tested.sort_values("file").groupby("place")
        for _, row in place.iloc[spread(np.arange(len(place)), SPOT_CHIPS)].iterrows()
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
    remedy = "train longer, or force it"
    found = native["all"]["psnr"]
    where = native["places"] if weights.metadata.architecture != ADVERSARIAL else {}
    for place, row in {"all places": native["all"], **where}.items():
        if row["delta_psnr"] <= 0:
            method = native["interpolation"]["method"]
            raise UserError(
                "not-better",
                f"{weights.source}: {row['delta_psnr']:+.2f} dB to {method} on {place}",
                remedy,
            )
    if recorded and recorded["scores"]["native"]["all"]["psnr"] > found:
        best = recorded["scores"]["native"]["all"]["psnr"]
        raise UserError(
            "not-better",
            f"{weights.source} ({weights.label}) scores {found:.4f} dB, the shipped weights "
            f"({recorded['label']}) {best:.4f} dB",
            remedy,
        )


def _dtype(weights: Weights) -> str:
    halved = any(tensor.dtype == torch.float16 for tensor in weights.state.values())
    return "float16" if halved else "float32"


def _rounded(row: pd.Series) -> dict[str, float | None]:
    """Return a row without timings, rounded; None for NaN and infinity."""
    values = row.drop(["method", "origin", FAILED, "seconds_per_megapixel"]).astype(float)
    return {
        str(key): round(value, 4) if math.isfinite(value) else None for key, value in values.items()
    } | {"n_chips": int(row["n_chips"])}


def main() -> None:
    """Ship the weights that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="the weights")
    parser.add_argument("--data", type=Path, required=True, help="GeoTIFFs, one folder per place")
    parser.add_argument("--cache", type=Path, help="keep the test chips here for the next time")
    parser.add_argument("--target", type=Path, default=FOLDER, help="the shipped weights' folder")
    parser.add_argument("--force", action="store_true", help="ship them even if others are better")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            cache = given.cache or Path(scratch)
            ship(given.file, given.data, cache, given.target, force=given.force)
        except UserError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
