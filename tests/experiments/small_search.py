"""A search whose trials take a moment: chips of noise in six places, a network of a few weights."""

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))  # where it is run as a program

from conftest import random_pixels

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.store import require_store, write_store
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.running import runner
from sen2naip_sr.experiments.running.setting import Setting
from sen2naip_sr.experiments.tuning.parameters import TuningParameters
from sen2naip_sr.experiments.tuning.search import search

PLACES = [*"aabbccddee", "test", "test"]
SPLIT = ["train"] * 8 + ["validation"] * 2 + ["test"] * 2
FOLDS = [0, 0, 1, 1, 0, 0, 1, 1, 2, 2, -1, -1]
NETWORK = {
    "architecture": {"channels": 4, "blocks": 1},
    "training": {
        "steps": 4,
        "batch_size": 2,
        "crop_size": 8,
        "learning_rate": 1e-3,
        "ema_decay": 0.0,
        "schedule": {"warmup_steps": 1},
        "log_every": 1,
        "validate_every": 1,
        "checkpoint_every": 1,
        "precision": "32-true",
        "accelerator": "cpu",
    },
}
SPACE = {
    "training.learning_rate": {"low": 1e-5, "high": 1e-1, "log": True},
    "architecture.channels": {"low": 2, "high": 6, "whole": True},
    "training.losses.l1": {"choices": [1.0, 0.5]},
}
EVALUATION = EvaluationParameters(bootstrap_draws=100)


def smooth(seed):
    """Return a chip of blocks, which are easier to learn than noise."""
    return np.kron(random_pixels(4, 8, "uint16", seed) // 8, np.ones((1, 6, 6), np.uint16))


def make_chips(folder, test_pixels=None):
    """Store twelve chips; the test's may be anything."""
    with write_store(folder / "hr", "made", (4, 48, 48), np.dtype("uint16")) as writer:
        for seed, split in enumerate(SPLIT):
            poisoned = test_pixels is not None and split == "test"
            writer.append(
                np.full((4, 48, 48), test_pixels, np.uint16) if poisoned else smooth(seed)
            )
        writer.content = "content"
        writer.attributes = {
            "value_range": [0.0, 10_000.0],
            "synthetic": False,
            "bands": ["Red", "Green", "Blue", "NIR"],
        }
    Downscaling(require_store(folder / "hr"), "area").make(folder / "lr")


def make_splits():
    return pd.DataFrame(
        {
            "chip": range(12),
            "place": PLACES,
            "location": [f"{place}{n % 2}" for n, place in enumerate(PLACES)],
            "split": SPLIT,
            "fold": FOLDS,
        }
    )


def parameters(**changes):
    return TuningParameters(**{"trials": 3, "space": SPACE, **changes})


def run_search(folder, done=None, network=NETWORK, **changes):
    """Search in a folder with chips; what is given by name changes the search."""
    hr, lr = require_store(folder / "hr"), require_store(folder / "lr")
    networks = {"lean": network}
    setting = Setting(hr, lr, make_splits(), EVALUATION, networks, "lean", folder / "search")
    return search(parameters(**changes), setting, done)


def die_in(name):
    """Have this process end without a word in the training of a trial, as at a lack of memory."""
    train = runner.train_network

    def die(*arguments, **keywords):
        if keywords["checkpoint"].parent.name == name:
            os._exit(9)
        return train(*arguments, **keywords)

    runner.train_network = die


if __name__ == "__main__":
    die_in(os.environ.get("DIES_IN"))
    given = TuningParameters.model_validate_json(sys.argv[2])
    run_search(Path(sys.argv[1]), **{name: getattr(given, name) for name in given.model_fields_set})
