"""Stores, splits and variations that train in a moment, for the tests of the experiments."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.store import require_store, write_store
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.running import runner
from sen2naip_sr.experiments.running.held_out import without_test
from sen2naip_sr.experiments.running.setting import Setting
from sen2naip_sr.experiments.running.variation import Variation, varied
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.weights.files import WeightsMetadata, save_weights

SIDE, CHIPS = 32, 12
TEST_CHIPS = (10, 11)
EVALUATION = EvaluationParameters(accelerator="cpu", bootstrap_draws=100)
LEAN = {
    "architecture": {"channels": 4, "blocks": 1},
    "training": {
        "steps": 6,
        "batch_size": 2,
        "crop_size": 8,
        "learning_rate": 0.005,
        "schedule": {"warmup_steps": 1},
        "ema_decay": 0.5,
        "validate_every": 3,
        "checkpoint_every": 2,
        "log_every": 1,
        "precision": "32-true",
        "accelerator": "cpu",
    },
}


def make_chips():
    """Return twelve chips of smooth noise (2 bands), uint8."""
    noise = np.random.default_rng(0).normal(size=(CHIPS, 2, SIDE, SIDE))
    smooth = sum(np.roll(noise, shift, axis) for shift in (0, 1, 2) for axis in (2, 3))
    return (128 + 20 * smooth).clip(1, 254).round().astype(np.uint8)


def make_stores(folder, chips=None):
    """Write chips and their LR below a folder; return both stores."""
    chips = make_chips() if chips is None else chips
    with write_store(folder / "hr", "made up", chips.shape[1:], chips.dtype) as writer:
        for chip in chips:
            writer.append(chip)
        writer.tables = {"index": make_splits()[["chip", "place", "location"]]}
        # set by hand, so that stores of other pixels count as equal
        writer.content = "content"
        writer.attributes = {
            "value_range": [0.0, 255.0],
            "bands": ["Red", "NIR"],
            "synthetic": False,
        }
    hr = require_store(folder / "hr")
    Downscaling(hr, "area").make(folder / "lr")
    return hr, require_store(folder / "lr")


def make_splits():
    """Return the splits: two chips a place; p4 validates, p5 is tested on."""
    place = np.arange(CHIPS) // 2
    return pd.DataFrame(
        {
            "chip": range(CHIPS),
            "place": [f"p{n}" for n in place],
            "location": [f"l{chip}" for chip in range(CHIPS)],
            "split": np.select([place == 5, place == 4], ["test", "validation"], "train"),
            "fold": np.where(place == 5, -1, place),
        }
    )


def make_setting(folder=Path(), stores=(None, None), **changes):
    """Return what an experiment works with; without stores it can be planned alone."""
    own = {"splits": make_splits(), "evaluation": EVALUATION, "networks": {"lean": LEAN}}
    own |= {"model": "lean", "folder": folder, "folds": 5}
    return Setting(*stores, **(own | changes))


def make_variation(name="plain", **training):
    """Return a variation of the tiny network whose training is changed by name."""
    changed = varied(LEAN, {"training": training})
    return Variation(name, "lean", changed, without_test(make_splits()), {"group": name})


def save_start(folder, places, seed=0, seen=None, **architecture):
    """Write weights of the tiny network, trained on the given places; return parameters with it."""
    own = LEAN["architecture"] | architecture
    torch.manual_seed(seed)
    metadata = WeightsMetadata(
        architecture="lean",
        architecture_parameters=own,
        bands=2,
        recipe="area@1",
        value_range=(0.0, 255.0),
        dtype="uint8",
        data_hash="content",
        split_hash="split",
        train_places=places,
        validation_psnr=30.0,
        step=1,
        training={},
        version="0",
        synthetic=False,
        seen=seen,
    )
    path = folder / "start.safetensors"
    save_weights(path, build_model("lean", 2, **own).state_dict(), metadata)
    return LEAN | {"start_from": str(path)}


def three_variations():
    return [make_variation(f"seed {seed}", seed=seed, steps=12) for seed in range(3)]


def dying(variation, *rest):
    """Train, but for the variation ``doomed``, at which the process is killed."""
    if variation.name == "doomed":
        os.kill(os.getpid(), signal.SIGKILL)
    return runner.run_variation(
        variation, require_store(rest[0]), require_store(rest[1]), *rest[2:]
    )


def die_once(marker, number):
    """Kill the process that runs this, the first time; the second time return the number."""
    if not marker.exists():
        marker.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def raise_error():
    raise UserError("disk-error", "the disk is full", "make room")


def main(folder, workers):
    """Run three variations in a folder that holds the stores, for the test that kills this."""
    torch.set_num_threads(1)
    stores = require_store(folder / "hr"), require_store(folder / "lr")
    runner.run_variations(three_variations(), *stores, folder / "made", EVALUATION, workers=workers)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
