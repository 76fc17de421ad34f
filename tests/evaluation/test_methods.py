import logging
from dataclasses import replace

import numpy as np
import pytest
from small_stores import make_stores, smooth_noise

from sen2naip_sr.chips.splits import split_hash
from sen2naip_sr.evaluation.columns import REFERENCES
from sen2naip_sr.evaluation.methods import interpolations, networks
from sen2naip_sr.models.registry import MODELS, build_model
from sen2naip_sr.weights.files import Weights, WeightsMetadata
from sen2naip_sr.weights.seen import Seen

SMALL = {"channels": 4, "blocks": 1, "units": 1}


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    names = ["Red", "Green", "Blue", "NIR"]
    return make_stores(tmp_path_factory.mktemp("stores"), smooth_noise(), bands=names)


@pytest.fixture
def make_weights():
    """Weights that fit the stores, but for what the arguments change."""

    def make(state=None, **changes):
        known = {
            "architecture": "carn",
            "architecture_parameters": SMALL,
            "bands": 4,
            "recipe": "bicubic_antialiased@1",
            "value_range": (0.0, 255.0),
            "dtype": "uint8",
            "data_hash": "",
            "split_hash": "",
            "train_places": ["p0"],
            "validation_psnr": 30.0,
            "step": 1,
            "training": {},
            "version": "0",
            "synthetic": False,
        }
        state = state or build_model("carn", 4, **SMALL).state_dict()
        return Weights(WeightsMetadata(**known | changes), state, "weights.safetensors")

    return make


def own_data(hr, splits):
    return {"data_hash": hr.manifest.content, "split_hash": split_hash(splits)}


def test_interpolations_are_all_those_of_the_registry():
    methods = interpolations(4)
    plain = {name for name, spec in MODELS.items() if not spec.trainable}
    assert {method.name for method in methods} == plain - {*REFERENCES}
    assert not any(method.trained or method.model.training for method in methods)


def test_fitting_weights_are_scored_and_missing_ones_pass_in_silence(make_weights, stores, caplog):
    hr, _, splits = stores
    own = own_data(hr, splits)
    (method,) = networks({"carn": make_weights(**own), "other": None}, *stores)
    assert (method.name, method.title, method.trained) == ("carn", "CARN", True)
    assert not method.model.training
    assert not caplog.records


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"architecture": "edsr"}, "its weights are of the architecture 'edsr'"),
        ({"bands": 3}, "trained with band count 3, the chips have 4"),
        ({"recipe": "area@1"}, "downscaling recipe area@1, the chips have bicubic_antialiased@1"),
        ({"recipe": "bicubic_antialiased@0"}, "recipe bicubic_antialiased@0"),
        ({"value_range": (0.0, 1.0)}, "value range (0.0, 1.0), the chips have (0.0, 255.0)"),
        ({"train_places": ["p0", "p2"]}, "trained on the test place p2"),
        (
            {"architecture_parameters": SMALL | {"channels": 8}},
            "the architecture does not fit",
        ),
        ({"architecture_parameters": {"width": 8}}, "unknown parameter 'width'"),
    ],
)
def test_weights_that_do_not_fit_are_left_out_with_reason_and_remedy(
    changes, reason, make_weights, stores, caplog
):
    with caplog.at_level(logging.WARNING):
        assert networks({"carn": make_weights(**changes)}, *stores) == []
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "carn is not scored" in record.message
    assert reason in record.message
    assert "What to do:" in record.message


def test_weights_that_fit_are_scored_although_others_do_not(make_weights, stores):
    found = networks({"other": make_weights(), "carn": make_weights()}, *stores)
    assert [method.name for method in found] == ["carn"]


@pytest.mark.parametrize(("chips", "scored"), [([0, 1], True), ([0, 2, 3], False), ([5], False)])
def test_weights_that_have_seen_test_ground_under_other_names_are_left_out(
    chips, scored, make_weights, stores, caplog
):
    hr, _, _ = stores
    seen = Seen.in_chips(hr.table("index"), hr.chips, np.array(chips))
    weights = make_weights(train_places=["elsewhere"], seen=seen)
    with caplog.at_level(logging.INFO):
        found = networks({"carn": weights}, *stores)
    assert bool(found) == scored
    if not scored:
        count = len(set(chips) - {0, 1})
        assert f"trained on ground that {count} of the 4 test chips show" in caplog.text
        assert "such as chip" in caplog.text


@pytest.mark.parametrize(
    ("changes", "shipped", "title"),
    [
        ({}, True, "CARN (shipped, may have seen them)"),
        ({"seen": Seen()}, True, "CARN (shipped)"),
        ({"seen": Seen()}, False, "CARN (another run)"),
        ({"seen": Seen(), "synthetic": True}, False, "CARN (another run, synthetic images)"),
        ({"seen": Seen(complete=False)}, False, "CARN (another run, may have seen them)"),
    ],
)
def test_networks_of_other_trainings_are_named_as_that(  # noqa: PLR0917
    changes, shipped, title, make_weights, stores, caplog
):
    weights = replace(make_weights(**changes), shipped_as="carn" if shipped else None)
    with caplog.at_level(logging.INFO):
        (method,) = networks({"carn": weights}, *stores)
    assert (method.name, method.title) == ("carn", title)
    assert f"carn: {method.origin}" in caplog.text


def test_what_this_run_has_not_trained_is_of_another_run_where_it_trained_something(
    make_weights, stores
):
    hr, _, splits = stores
    old = make_weights(**own_data(hr, splits), seen=Seen())
    new = replace(old, new=True)
    alone = networks({"carn": old}, *stores, given={"older": old})
    assert [method.origin for method in alone] == ["", ""]
    beside = networks({"carn": new}, *stores, given={"older": old})
    assert [method.title for method in beside] == ["CARN", "older (another run)"]


def test_places_of_the_same_name_are_no_evidence_where_all_that_was_seen_is_known(
    make_weights, stores, caplog
):
    hr, _, _ = stores
    elsewhere = Seen.in_chips(hr.table("index"), hr.chips, np.array([0]))
    known = make_weights(train_places=["p2"], seen=elsewhere)
    unsure = make_weights(
        train_places=["p2"], seen=Seen.together([elsewhere, Seen(complete=False)])
    )
    assert len(networks({"carn": known}, *stores)) == 1
    assert networks({"carn": unsure}, *stores) == []
    assert "the test place p2" in caplog.text
