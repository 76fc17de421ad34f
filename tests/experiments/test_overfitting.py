import numpy as np
import pytest
from tiny_experiment import EVALUATION, LEAN, make_splits, make_stores

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.overfitting import (
    answer_overfitting,
    draw_emergence,
    plan_overfitting,
)
from sen2naip_sr.experiments.parameters import OverfitParameters
from sen2naip_sr.experiments.runner import FRAMES, run_variations
from sen2naip_sr.experiments.variation import Outcome


def plan(**parameters):
    return plan_overfitting(OverfitParameters(**parameters), "lean", LEAN, make_splits())


def test_the_chips_that_train_are_those_that_are_scored():
    (variation,) = plan(chips=3)
    for split in ("train", "validation"):
        assert variation.splits.query(f"split == '{split}'")["chip"].tolist() == [0, 4, 7]
    assert variation.watched == (0,)
    assert not variation.parameters.training.augmentation.flips
    (variation,) = plan(chips=[5, 2])
    assert set(variation.splits["chip"]) == {2, 5}


@pytest.mark.parametrize("chip", [8, 10, 99])
def test_no_held_out_or_test_chip_is_learnt(chip):
    with pytest.raises(UserError, match=f"chip {chip} is no training chip"):
        plan(chips=[0, chip])


def test_a_target_stops_the_training_and_the_pictures_show_how_it_came(tmp_path):
    hr, lr = make_stores(tmp_path)
    parameters = OverfitParameters(chips=1, target_psnr=1.0, frames=2, crop=16)
    (variation,) = plan_overfitting(parameters, "lean", LEAN, make_splits())
    (outcome,) = run_variations([variation], hr, lr, tmp_path, EVALUATION)
    assert outcome.steps == 0  # any network has 1 dB
    parameters = OverfitParameters(chips=1, target_psnr=99.0, frames=2, crop=16)
    (variation,) = plan_overfitting(parameters, "lean", LEAN, make_splits())
    (outcome,) = run_variations([variation], hr, lr, tmp_path, EVALUATION)
    assert outcome.steps == 6
    frames = tmp_path / variation.name / FRAMES
    assert [file.stem for file in sorted(frames.iterdir())] == ["00000000", "00000003", "00000006"]
    pictures = draw_emergence(frames, 0, outcome, hr, lr, parameters)
    assert len(pictures) == 2
    assert pictures[0].shape == pictures[1].shape
    assert pictures[0].dtype == np.uint8
    assert not np.array_equal(*pictures)


def curve(*psnr):
    return Outcome(
        name="3 chips",
        model="lean",
        tags={},
        fingerprint="",
        psnr=max(psnr),
        steps=10,
        curve=list(enumerate(psnr)),
    )


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (curve(20, 46), "target of 45 dB was reached"),
        (curve(20, 30, 40), "more steps would bring more"),
        (curve(20, 30, 30.01), "at its end"),
    ],
)
def test_the_answer_says_whether_the_chips_can_be_represented(outcome, verdict):
    assert verdict in answer_overfitting(outcome, before=28.0, target=45.0)
