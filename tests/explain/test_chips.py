"""Explanations of test chips: which are chosen, and what is left."""

import numpy as np
import pytest
from explained import ground, small_lean
from small_stores import make_stores

from sen2naip_sr.errors import UserError
from sen2naip_sr.explain.chips import explain_chips
from sen2naip_sr.explain.parameters import ExplainParameters
from sen2naip_sr.pipelines.explain.nodes import explain
from sen2naip_sr.weights.files import Weights, WeightsMetadata

QUICK = {"steps": 4, "check_steps": 2, "band_steps": 2, "window": 4, "captum": False}


@pytest.fixture(scope="module")
def weights():
    metadata = WeightsMetadata(
        architecture="lean",
        architecture_parameters={"channels": 8, "blocks": 2},
        bands=4,
        recipe="bicubic_antialiased@1",
        value_range=(0, 255),
        dtype="uint8",
        data_hash="",
        split_hash="",
        train_places=[],
        validation_psnr=30.0,
        step=1,
        training={},
        version="0.1.0",
        synthetic=False,
    )
    return {"lean": Weights(metadata, small_lean().network.model.state_dict(), "made")}


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    chips = np.stack([ground(64, seed) // (1 + seed) for seed in range(8)])
    return make_stores(tmp_path_factory.mktemp("stores"), chips, bands=["R", "G", "B", "N"])


def test_best_median_and_worst_gain_are_explained(stores, weights):
    parameters = ExplainParameters(models=["lean"], chips=3, **QUICK)
    table, details, findings, figures, metrics = explain(*stores, parameters, **weights)
    own = table[table["model"] == "lean"]
    assert own["role"].tolist() == ["best gain", "median gain", "worst gain"]
    assert own["gain_db"].is_monotonic_decreasing
    assert set(table["model"]) == {"lean", "bicubic"}
    assert set(own["image"]) <= {f"chip {chip}" for chip in range(2, 8)}
    assert set(figures) == {name.replace(" ", "_") for name in own["image"]}
    assert set(details["image"]) == set(own["image"])
    assert all(name in findings for name in own["image"])
    assert metrics["lean.gain_db"]["value"] == pytest.approx(own["gain_db"].mean())
    # EPSG:32616 counts in metres; HR pixels of 2 m are LR pixels of 4 m
    assert np.allclose(own["radius_metres"], 4 * own["radius"])


def test_chips_can_be_named(stores, weights):
    parameters = ExplainParameters(models=["lean"], ids=[1], **QUICK)
    found = explain_chips(*stores, parameters, weights)
    assert found.table["image"].tolist() == ["chip 1", "chip 1"]
    with pytest.raises(UserError, match="there is no chip 8"):
        explain_chips(*stores, ExplainParameters(models=["lean"], ids=[8], **QUICK), weights)


def test_without_a_test_chip_there_is_nothing_to_choose_from(stores, weights):
    hr, lr, splits = stores
    none = splits.assign(split="train")
    with pytest.raises(UserError, match="no test chip"):
        explain_chips(hr, lr, none, ExplainParameters(models=["lean"], **QUICK), weights)
