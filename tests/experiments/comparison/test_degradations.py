"""Networks tested under sensors: trained on one thing, tested on another."""

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from tiny_experiment import EVALUATION, LEAN, make_chips, make_setting, make_splits, make_stores

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.store import require_store
from sen2naip_sr.degradation.parameters import SensorParameters
from sen2naip_sr.evaluation.methods import interpolations
from sen2naip_sr.evaluation.scoring import score_chips
from sen2naip_sr.experiments.comparison import degradations
from sen2naip_sr.experiments.comparison.degradations import (
    describe_gains,
    gains_on_tests,
    observed_chip,
)
from sen2naip_sr.experiments.comparison.figure import draw_gains
from sen2naip_sr.experiments.comparison.parameters import ComparisonParameters
from sen2naip_sr.experiments.comparison.variations import compare_variations
from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.weights.files import Weights, WeightsMetadata, load_weights

PLAIN = {"clean": 0, "decimations": [1, 0, 0, 0], "blurred": 0, "noisy": 0, "deeper": 0}
CLEAN = SensorParameters(**PLAIN, compressed=0)
NOISE = CLEAN.model_copy(update={"noisy": 1.0, "noise": (5.0, 5.0)})


@pytest.fixture
def stores(tmp_path):
    hr, _ = make_stores(tmp_path)
    Downscaling(hr, "bicubic_antialiased").make(tmp_path / "lr")
    return hr, require_store(tmp_path / "lr")


def weights(conditions):
    size = {"channels": 4, "blocks": 1, "conditions": conditions}
    torch.manual_seed(0)
    state = build_model("lean", 2, **size).state_dict()
    metadata = WeightsMetadata(
        architecture="lean",
        architecture_parameters=size,
        bands=2,
        recipe="bicubic_antialiased@1",
        value_range=(0, 255),
        dtype="uint8",
        data_hash="",
        split_hash="",
        train_places=[],
        validation_psnr=0,
        step=1,
        training={},
        version="0",
        synthetic=False,
    )
    return Weights(metadata, state, "made up")


def test_a_clean_sensor_is_the_recipe(stores):
    hr, lr = stores
    for chip in (0, 7):
        observed = observed_chip(hr, chip, CLEAN, "clean")
        assert np.abs(observed.lr.astype(int) - lr.chips[chip].astype(int)).max() <= 1
        assert np.array_equal(observed.hr, hr.chips[chip])
        assert observed.conditions.noise == (0, 0)
        recipe = Conditions.of_recipe(2)
        assert np.allclose(observed.conditions.blur, recipe.blur, atol=0.01)


def test_a_chip_is_observed_alike_by_name_and_number(stores):
    hr, _ = stores
    first = observed_chip(hr, 3, NOISE, "noise")
    assert np.array_equal(first.lr, observed_chip(hr, 3, NOISE, "noise").lr)
    assert not np.array_equal(first.lr, observed_chip(hr, 3, NOISE, "other").lr)
    assert first.conditions.noise[0] > 0


def test_gains_are_those_of_the_protocol(stores):
    hr, lr = stores
    table = gains_on_tests(
        {"bicubic": weights(False)}, hr, np.arange(4), {"clean": CLEAN}, EVALUATION
    )
    splits = make_splits().head(4)
    scores = score_chips(interpolations(2), hr, lr, splits, EVALUATION, only=("psnr",))
    psnr = scores[scores["band"] == "all"].groupby("method")["psnr"].mean()
    # an untrained network is bicubic
    expected = psnr["bicubic"] - psnr["lanczos"]
    assert table["gain_clean"].item() == pytest.approx(expected, abs=0.02)


def test_networks_with_conditions_are_told_the_truth(stores, monkeypatch):
    told = []
    build = Weights.build

    def noted(self, conditions=None):
        told.append(conditions)
        return build(self, conditions)

    monkeypatch.setattr(Weights, "build", noted)
    networks = {"told": weights(True), "not": weights(False)}
    gains_on_tests(networks, stores[0], np.arange(2), {"noise": NOISE}, EVALUATION)
    true = [observed_chip(stores[0], chip, NOISE, "noise").conditions for chip in range(2)]
    assert [conditions for conditions in told if conditions] == true


def test_few_chips_are_observed(stores, monkeypatch):
    seen = []
    monkeypatch.setattr(degradations, "MOST", 3)
    observe = degradations.observed_chip
    monkeypatch.setattr(
        degradations,
        "observed_chip",
        lambda hr, chip, *rest: seen.append(chip) or observe(hr, chip, *rest),
    )
    gains_on_tests({"one": weights(False)}, stores[0], np.arange(9), {"clean": CLEAN}, EVALUATION)
    assert seen == [0, 4, 8]


TABLE = pd.DataFrame({"variation": ["a", "b"], "gain_clean": [3.0, 2.0], "gain_noise": [-1.0, 1.5]})


def test_findings_name_the_best_of_each_test_and_the_least():
    text = " ".join(describe_gains(TABLE))
    assert "clean: a (+3.00), noise: b (+1.50)" in text
    assert "On average over the tests: b (+1.75)" in text
    assert "least gain of all: a (-1.00); of the best in this respect, b: +1.50" in text
    assert describe_gains(TABLE[["variation"]]) == []


def test_the_figure_shows_every_gain():
    (axis,) = draw_gains(TABLE).axes
    assert [text.get_text() for text in axis.texts] == ["+3.00", "-1.00", "+2.00", "+1.50"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["clean", "noise"]


def test_gains_without_tests_are_refused():
    with pytest.raises(ValidationError, match="there are none"):
        ComparisonParameters(variations={"a": {}, "b": {}}, figure="gains")


def test_a_comparison_of_trainings_and_tests(stores, tmp_path):
    sensor = NOISE.model_dump(mode="json")
    parameters = ComparisonParameters(
        figure="gains",
        tests={"noise": sensor, "more": None},
        variations={
            "clean": {"training": {"mixture": None}},
            "noise": {"training": {"mixture": {"sensor": sensor}}},
            "told": {
                "architecture": {"conditions": True},
                "training": {"mixture": {"sensor": sensor}},
            },
        },
    )
    setting = make_setting(tmp_path / "made", stores, networks={"lean": LEAN})
    found = compare_variations(parameters, setting)
    assert found.table["gain_noise"].notna().all()
    assert "gain_more" not in found.table
    metadata = load_weights(tmp_path / "made" / "told" / "weights.safetensors").metadata
    assert metadata.architecture_parameters["conditions"]
    assert metadata.training["mixture"]["sensor"]["noise"] == [5.0, 5.0]
    assert metadata.imagery_hash
    plain = load_weights(tmp_path / "made" / "clean" / "weights.safetensors").metadata
    assert plain.imagery_hash is None


def test_sources_of_test_places_are_left_out_of_experiments(stores, tmp_path, make_geotiff, caplog):
    # p5 is tested on, p4 is held out
    for place in ("p5-2018", "p4-2018", "elsewhere"):
        make_geotiff(tmp_path / "more" / place / "0.tif", make_chips()[0], crs=None)
    sources = {"more": {"path": str(tmp_path / "more")}}
    parameters = ComparisonParameters(
        variations={"plain": {}, "mixed": {"training": {"mixture": {"sources": sources}}}}
    )
    compare_variations(parameters, make_setting(tmp_path / "made", stores))
    assert "p4-2018, p5-2018" in caplog.text
    metadata = load_weights(tmp_path / "made" / "mixed" / "weights.safetensors").metadata
    assert metadata.train_places == ["elsewhere", "p0", "p1", "p2", "p3"]
