import copy
import math
from dataclasses import replace
from types import SimpleNamespace as Made

import pandas as pd
import pytest

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.dimension.parameters import IntrinsicDimensionParameters
from sen2naip_sr.experiments.dimension.plan import WHOLE, Gains, plan_subspaces, tabulate
from sen2naip_sr.experiments.running.outcome import Outcome

SPLITS = pd.DataFrame(
    {
        "chip": range(4),
        "place": list("abcd"),
        "split": ["train", "train", "validation", "test"],
        "fold": 0,
    }
)
NETWORK = {
    "architecture": {"channels": 32, "blocks": 1},
    "start_from": "shipped",
    "training": {"steps": 900, "learning_rate": 0.01, "keep": "best", "crop_size": 8},
}


def planned(**changes):
    own = {"architecture": {"channels": 4}, "dimensions": [64, 16, 16, 4096]}
    parameters = IntrinsicDimensionParameters(**own | {"training": {"steps": 7}} | changes)
    return plan_subspaces(parameters, "lean", NETWORK, SPLITS, bands=4)


def outcomes(variations, psnr):
    """Return outcomes with the given PSNR (NaN: failed); bicubic's is 30 dB."""
    return [
        Outcome(
            name=variation.name,
            model="lean",
            tags={},
            fingerprint="",
            steps=7,
            parameters=1_000,
            curve=[(0, 30.0), (3, 99.0), (7, end)],
            error="no" if math.isnan(end) else None,
        )
        for variation, end in zip(variations, psnr, strict=True)
    ]


def gains(*psnr, share=0.9):
    variations = planned()
    return Gains.of(variations, outcomes(variations, psnr), share)


def test_one_training_with_all_weights_and_one_a_subspace():
    variations = planned()
    assert [v.name for v in variations] == [WHOLE, "16 dimensions", "64 dimensions"]
    assert [v.subspace for v in variations] == [None, 16, 64]
    assert {v.parameters.training.steps for v in variations} == {7}
    assert variations[0].parameters.architecture == {"channels": 4, "blocks": 1}
    assert planned(architecture=None)[0].parameters.architecture == NETWORK["architecture"]


def test_test_chips_take_no_part_and_held_out_ones_choose_nothing():
    for variation in planned(training={"steps": 7, "patience": 3, "target_psnr": 20.0}):
        assert variation.splits["split"].tolist() == ["train", "train", "validation"]
        training = variation.parameters.training
        assert (training.keep, training.patience, training.target_psnr) == ("last", None, None)
        assert variation.parameters.start_from is None


def test_steps_in_a_subspace_are_as_long():
    rates = [variation.parameters.training.learning_rate for variation in planned()]
    assert rates[0] == 0.01
    weights = rates[1] ** 2 / rates[0] ** 2 * 16
    assert weights == pytest.approx(rates[2] ** 2 / rates[0] ** 2 * 64)
    assert 64 < weights < 4096


def test_the_subspace_is_part_of_the_fingerprint():
    store = Made(manifest=Made(content="c"), attributes={"recipe": "area@1"})
    shared, one = (store, store, EvaluationParameters()), planned()[1]
    assert one.fingerprint(*shared) == copy.copy(one).fingerprint(*shared)
    assert one.fingerprint(*shared) != replace(one, subspace=17).fingerprint(*shared)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dimensions": [5000, 9000]}, "smallest subspace asked for has 5,000 dimensions"),
        ({"architecture": {"width": 3}}, "width"),
        ({"training": {"steps": 7, "schedule": {"name": "plateau"}}}, "'plateau' follows"),
    ],
)
def test_refuses(changes, message):
    with pytest.raises(UserError, match=message):
        planned(**changes)


def test_gains_are_of_the_last_weights_over_bicubic():
    found = gains(31.0, 30.2, 30.95)
    assert found.full == 1.0
    assert found.subspaces == pytest.approx({16: 0.2, 64: 0.95})
    assert 16 < found.reached < 64
    assert (found.weights, found.steps) == (1_000, (7, 7))
    assert gains(32.0, 30.2, 31.0).reached is None
    assert gains(29.0, 30.2, 31.0).reached is None


def test_failed_subspaces_are_left_out_but_not_all_of_them():
    assert list(gains(31.0, 30.2, math.nan).subspaces) == [16]
    with pytest.raises(UserError, match="'all weights' failed"):
        gains(math.nan, 30.2, 30.95)
    with pytest.raises(UserError, match="'16 dimensions' failed"):
        gains(31.0, math.nan, math.nan)


def test_the_table_has_a_row_a_training_all_weights_last():
    variations = planned()
    done = outcomes(variations, [31.0, 30.2, 30.95])
    table = tabulate(variations, done, Gains.of(variations, done, 0.9), 0.9)
    assert table["training"].tolist() == ["16 dimensions", "64 dimensions", WHOLE]
    assert table["dimension"].tolist() == [16, 64, 1000]
    assert table["share"].tolist() == pytest.approx([0.2, 0.95, 1.0])
    assert table["bicubic"].tolist() == [30.0] * 3
    assert table["steps"].tolist() == [7] * 3
    assert table["d90"].nunique() == 1
    missed = tabulate(variations, done, Gains.of(variations, done, 1.0), 1.0)
    assert missed["d100"].isna().all()
