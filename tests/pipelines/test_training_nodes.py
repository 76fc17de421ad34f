import logging

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import random_pixels

from sen2naip_sr.pairs import Downscaling
from sen2naip_sr.pipelines.training.nodes import train_network
from sen2naip_sr.pipelines.training.parameters import NetworkParameters
from sen2naip_sr.raster.store import require_store, write_store
from sen2naip_sr.splits import split_hash

PLACES = ["a", "a", "b", "b", "c", "d"]
SPLIT = ["train", "train", "train", "train", "validation", "test"]
PARAMETERS = {
    "architecture": {"channels": 4, "blocks": 1, "units": 1},
    "training": {
        **{
            "steps": 2,
            "batch_size": 2,
            "crop_size": 8,
            "schedule": {"warmup_steps": 1},
            "log_every": 1,
        },
        **{"validate_every": 1, "precision": "32-true", "accelerator": "cpu"},
    },
}


@pytest.fixture
def inputs(tmp_path):
    """Return six chips of noise in three bands, their LR chips and a split."""
    with write_store(tmp_path / "hr", "made", (3, 32, 32), np.dtype("uint16")) as writer:
        for seed in range(len(PLACES)):
            writer.append(random_pixels(3, 32, "uint16", seed) // 8)
        writer.content = "content"
        writer.attributes = {"value_range": [0.0, 10_000.0], "synthetic": False}
    hr = require_store(tmp_path / "hr")
    Downscaling(hr, "area").make(tmp_path / "lr")
    splits = pd.DataFrame({"chip": range(6), "place": PLACES, "split": SPLIT, "fold": 0})
    return hr, require_store(tmp_path / "lr"), splits


def train(inputs, folder, **changes):
    parameters = NetworkParameters(**(PARAMETERS | changes))
    return train_network(*inputs, parameters, folder / "checkpoint.pt", architecture="carn")


def test_weights_say_what_they_were_made_of(inputs, tmp_path):
    weights, history = train(inputs, tmp_path)
    known = weights.metadata
    assert (known.architecture, known.architecture_parameters) == (
        "carn",
        PARAMETERS["architecture"],
    )
    assert (known.bands, known.dtype, known.value_range) == (3, "uint16", (0, 10_000))
    assert (known.recipe, known.data_hash) == ("area@1", "content")
    assert known.split_hash == split_hash(inputs[2])
    assert known.train_places == ["a", "b"]
    assert known.synthetic is False
    assert known.training["steps"] == 2
    best = history.loc[history["validation_psnr"].idxmax()]
    assert (known.step, known.validation_psnr) == (best["step"], best["validation_psnr"])
    assert weights.build()(torch.rand(1, 3, 8, 8)).shape == (1, 3, 16, 16)


def test_equal_inputs_give_equal_weights_and_another_seed_others(inputs, tmp_path):
    def state(seed):
        training = PARAMETERS["training"] | {"seed": seed}
        weights, history = train(inputs, tmp_path, training=training)
        return history["loss"].dropna().tolist(), weights.state

    losses, first = state(0)
    again_losses, again = state(0)
    assert losses == again_losses
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert state(1)[0] != losses


def test_every_validation_is_logged(inputs, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "sen2naip_sr"):
        train(inputs, tmp_path)
    said = [r.message for r in caplog.records if "on the validation chips" in r.message]
    assert [message.partition(":")[0] for message in said] == [
        "carn, step 0",
        "carn, step 1",
        "carn, step 2",
    ]
