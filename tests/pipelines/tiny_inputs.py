"""What the training node takes, at a size that trains in a moment."""

import numpy as np
import pandas as pd
from conftest import random_pixels

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.store import require_store, write_store
from sen2naip_sr.pipelines.training.nodes import train_network
from sen2naip_sr.training.parameters import NetworkParameters

PLACES = ["a", "a", "b", "b", "c", "d"]
SPLIT = ["train", "train", "train", "train", "validation", "test"]
TRAINING = {
    "steps": 2,
    "batch_size": 2,
    "crop_size": 8,
    "schedule": {"warmup_steps": 1},
    "log_every": 1,
    "validate_every": 1,
    "precision": "32-true",
    "accelerator": "cpu",
}
ARCHITECTURE = {"channels": 4, "blocks": 1, "units": 1}


def tiny_inputs(folder, bands=3):
    """Return six chips of noise, their LR chips and a split, stored in a folder."""
    with write_store(folder / "hr", "made", (bands, 32, 32), np.dtype("uint16")) as writer:
        for seed in range(len(PLACES)):
            writer.append(random_pixels(bands, 32, "uint16", seed) // 8)
        writer.content = "content"
        writer.attributes = {
            "value_range": [0.0, 10_000.0],
            "synthetic": False,
            "bands": [f"band {number}" for number in range(1, bands + 1)],
        }
    hr = require_store(folder / "hr")
    Downscaling(hr, "area").make(folder / "lr")
    splits = pd.DataFrame({"chip": range(6), "place": PLACES, "split": SPLIT, "fold": 0})
    return hr, require_store(folder / "lr"), splits


def train(  # noqa: PLR0917
    inputs, folder, name="carn", start_from=None, generators=None, force=False, **changes
):
    """Train a network; what is given by name changes its training."""
    parameters = NetworkParameters(
        architecture={"carn": ARCHITECTURE, "gan": {}}[name],
        start_from=start_from and str(start_from),
        training=TRAINING | changes,
    )
    checkpoint = folder / f"{name}.checkpoint.pt"
    return train_network(
        *inputs,
        parameters,
        checkpoint,
        folder,
        force,
        architecture=name,
        **(generators or {}),
    )
