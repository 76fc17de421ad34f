import numpy as np
import pandas as pd
import pytest
from tiny_experiment import (
    CHIPS,
    EVALUATION,
    LEAN,
    TEST_CHIPS,
    make_chips,
    make_setting,
    make_splits,
    make_stores,
    save_start,
)

from sen2naip_sr.chips.splits import VALIDATION
from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.comparison.cross_validation import (
    POOLED,
    cross_validate,
    describe_folds,
    plan_folds,
    summarise_folds,
)
from sen2naip_sr.experiments.comparison.figure import draw_folds
from sen2naip_sr.experiments.comparison.parameters import CrossValidationParameters
from sen2naip_sr.experiments.running.baseline import score_interpolations
from sen2naip_sr.experiments.running.outcome import read_scores
from sen2naip_sr.experiments.running.runner import run_variations
from sen2naip_sr.weights.seen import Seen


def plan(network=LEAN, **parameters):
    return plan_folds(CrossValidationParameters(**parameters), "lean", network, make_splits(), 5)


@pytest.mark.parametrize("folds", [None, 2, 3, 5])
def test_every_place_but_the_tests_is_held_out_once(folds):
    variations = plan(folds=folds)
    assert len(variations) == (folds or 5)
    held_out = []
    for variation in variations:
        splits = variation.splits
        assert not set(splits["chip"]) & set(TEST_CHIPS)
        assert len(splits) == CHIPS - len(TEST_CHIPS)
        held = splits[splits["split"] == VALIDATION]
        trained = splits[splits["split"] == "train"]
        assert not set(held["place"]) & set(trained["place"])
        held_out += held["chip"].tolist()
    assert sorted(held_out) == list(range(10))


def test_what_is_held_out_steers_nothing():
    (first, *_) = plan(training={"keep": "best", "patience": 3, "target_psnr": 20.0})
    training = first.parameters.training
    assert (training.keep, training.patience, training.target_psnr) == ("last", None, None)
    with pytest.raises(UserError, match="plateau"):
        plan(training={"schedule": {"name": "plateau"}})


def test_more_folds_than_places_are_refused():
    with pytest.raises(UserError, match=r"6 folds of whole places .* only 5 are left"):
        plan(folds=6)


def test_fewer_folds_than_the_splits_were_to_have_are_told(caplog):
    plan_folds(CrossValidationParameters(), "lean", LEAN, make_splits(), 8)
    assert "5 folds instead of the 8" in caplog.text
    caplog.clear()
    assert plan()
    assert plan(folds=3)
    assert not caplog.text


def test_weights_that_have_seen_a_place_are_not_scored_there(tmp_path):
    with pytest.raises(UserError, match="'lean' starts from were trained on the held-out place p3"):
        plan(save_start(tmp_path, ["p3", "p5"]))
    assert plan(save_start(tmp_path, ["elsewhere"]))


@pytest.mark.parametrize("chip", range(CHIPS))
def test_weights_that_have_seen_a_chip_under_other_names_are_not_scored_there(chip, tmp_path):
    hr, _ = make_stores(tmp_path)
    seen = Seen.in_chips(hr.index, hr.chips, np.array([chip]))
    # a place of the same name is another one, if all that they have seen is known
    network = save_start(tmp_path, ["elsewhere", "p0"], seen=seen)
    options = CrossValidationParameters(), "lean", network, make_splits(), 5
    if chip in TEST_CHIPS:
        assert plan_folds(*options, hr=hr)
        return
    with pytest.raises(UserError, match=r"trained on ground that 1 of the \d+ held-out chips show"):
        plan_folds(*options, hr=hr)


def test_few_chips_of_each_fold_are_compared_with_interpolations_of_the_same(tmp_path):
    few = EVALUATION.model_copy(update={"chips": 1})
    setting = make_setting(tmp_path, make_stores(tmp_path), evaluation=few)
    parameters = CrossValidationParameters(folds=3, training={"steps": 10})
    findings = cross_validate(parameters, setting)
    assert findings.table["n_chips"].tolist() == [1, 1, 1, 3]
    assert findings.table["delta_psnr"].notna().all()
    assert "over 3 chips" in findings.text
    assert set(findings.more) == {"figure"}


def test_splits_of_one_fold_are_refused():
    splits = make_splits().assign(fold=0)
    with pytest.raises(UserError, match="fewer than two folds"):
        plan_folds(CrossValidationParameters(), "lean", LEAN, splits, 5)


def test_each_chip_is_scored_once_and_no_test_chip_changes_anything(tmp_path):
    tables = []
    poisoned = make_chips()
    poisoned[list(TEST_CHIPS)] = 255
    for name, chips in (("plain", make_chips()), ("poisoned", poisoned)):
        hr, lr = make_stores(tmp_path / name, chips)
        folder = tmp_path / name / "made"
        variations = plan(folds=2)
        outcomes = run_variations(variations, hr, lr, folder, EVALUATION)
        scores = read_scores(folder, outcomes)
        joint = scores[scores["band"] == "all"]
        assert sorted(joint["chip"]) == list(range(10))
        held_out = pd.concat([v.splits[v.splits["split"] == VALIDATION] for v in variations])
        plain = score_interpolations(hr, lr, held_out, folder, EVALUATION)
        plain = plain[plain["method"] == "bicubic"]
        tables.append(summarise_folds(scores, plain, "lean", EVALUATION))
        weights = [(folder / v.name / "weights.safetensors").read_bytes() for v in variations]
        tables.append(weights)
    pd.testing.assert_frame_equal(tables[0], tables[2])
    assert tables[1] == tables[3]
    pooled = tables[0].set_index("fold").loc["all folds"]
    assert pooled["n_chips"] == 10
    assert pooled["psnr"] == pytest.approx(joint["psnr"].mean())
    assert draw_folds(tables[0]).axes


def table_of(gains, verdict):
    folds = [
        {"fold": f"fold {n}", "places": f"p{n}", "n_chips": 2, "psnr": 30 + n, "delta_psnr": gain}
        for n, gain in enumerate(gains)
    ]
    pooled = {"fold": "all folds", "places": "", "n_chips": 4, "psnr": 30.5, "delta_psnr": 0.1}
    table = pd.DataFrame([*folds, pooled])
    table = table.assign(psnr_low=29.0, psnr_high=32.0, delta_low=0.0, delta_high=0.2, delta_p=0.03)
    return table.assign(delta_verdict=[*("of a fold" for _ in gains), verdict])


def test_the_findings_give_the_verdict_on_all_folds():
    text = describe_folds(table_of([0.3, -0.1], "lean is better by 0.10 dB [0.00, 0.20]"), "lean")
    assert "lean is better by 0.10 dB [0.00, 0.20] (p = 0.03)." in text
    assert "range over 1.00 dB (30.00 to 31.00)" in text
    assert "above zero in 1 of 2 folds" in text


def test_the_verdict_is_that_of_the_paired_comparison(tmp_path):
    chips = pd.DataFrame({"chip": range(12), "location": range(12), "place": "p", "band": "all"})
    level = 30 + np.random.default_rng(0).normal(size=12)
    scores = chips.assign(psnr=level + 1, method=["fold 0"] * 6 + ["fold 1"] * 6)
    table = summarise_folds(scores, chips.assign(psnr=level, method="area"), "lean", EVALUATION)
    pooled = table.set_index("fold").loc[POOLED]
    assert pooled["delta_verdict"] == "lean is better by 1.00 dB [1.00, 1.00]"
    assert pooled["delta_p"] == 2 / 2**12


def test_folds_of_a_few_steps_say_nothing(tmp_path):
    setting = make_setting(tmp_path, make_stores(tmp_path))
    findings = cross_validate(CrossValidationParameters(folds=2, training={"steps": 2}), setting)
    assert findings.text.startswith("Nothing can be said: fold 0 (2 steps), fold 1 (2 steps) took")
    assert findings.more["figure"].get_suptitle() == "Says nothing: 2 steps are too few"
