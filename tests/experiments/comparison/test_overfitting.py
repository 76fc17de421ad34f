import numpy as np
import pytest
from pydantic import ValidationError
from tiny_experiment import EVALUATION, LEAN, make_splits, make_stores

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.comparison.overfitting import (
    describe_overfitting,
    draw_emergence,
    plan_overfitting,
)
from sen2naip_sr.experiments.comparison.parameters import OverfitParameters
from sen2naip_sr.experiments.running.outcome import FRAMES, Outcome
from sen2naip_sr.experiments.running.runner import run_variation, run_variations


class Stopped(Exception):
    pass


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
    assert len(list((tmp_path / variation.name / FRAMES).iterdir())) == 1
    frames = tmp_path / variation.name / FRAMES / outcome.fingerprint
    assert [file.stem for file in sorted(frames.iterdir())] == ["00000000", "00000003", "00000006"]
    (frames / "00000005.npy").write_bytes(b"of a step that is not in the curve")
    parameters = parameters.model_copy(update={"frames": 9})
    assert len(draw_emergence(frames, 0, outcome, hr, lr, parameters)) == 3
    parameters = parameters.model_copy(update={"frames": 2})
    pictures = draw_emergence(frames, 0, outcome, hr, lr, parameters)
    assert len(pictures) == 2
    assert pictures[0].shape == pictures[1].shape
    assert pictures[0].dtype == np.uint8
    assert not np.array_equal(*pictures)


def test_a_checkpoint_that_watched_another_chip_is_not_resumed(tmp_path):
    hr, lr = make_stores(tmp_path)

    def stop(metrics, step):
        if step == 3:
            raise Stopped

    for chips in ([5, 2], [2, 5]):
        (variation,) = plan(chips=chips, target_psnr=99.0)
        own = tmp_path / variation.name
        with pytest.raises(Stopped):
            run_variation(variation, hr, lr, own, EVALUATION, stop)
    outcome = run_variation(variation, hr, lr, own, EVALUATION)
    (frames,) = (own / FRAMES).iterdir()
    assert frames.name == outcome.fingerprint
    assert len(list(frames.iterdir())) == len(outcome.curve) == 3


@pytest.mark.parametrize("chips", [0, -1, [], [-1]])
def test_no_chips_at_all_are_refused(chips):
    with pytest.raises(ValidationError, match="chips"):
        OverfitParameters(chips=chips)


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
        (curve(20, 46), "reached the target of 45 dB"),
        (curve(*range(20, 30)), "still rose by 2.00 dB"),
        (curve(*range(20, 30), 29.01, 29.02), "hardly changed. This cannot tell"),
        (curve(*range(20, 30), 28, 27), "fell by 2.00 dB. This cannot tell"),
        (curve(20, 30, 40), "3 validations are too few"),
    ],
)
def test_the_findings_say_whether_the_chips_can_be_represented(outcome, verdict):
    assert verdict in describe_overfitting(outcome, before=28.0, target=45.0)
