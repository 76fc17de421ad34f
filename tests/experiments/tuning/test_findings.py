from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_search import EVALUATION, NETWORK, SPACE, make_chips, make_splits, parameters
from tiny_experiment import make_setting as make_any_setting
from tiny_experiment import save_start

from sen2naip_sr.chips.store import require_store
from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.tuning.confirmation import (
    BEST,
    OWN,
    compare_with_own,
    fresh_fold,
    plan_confirmation,
    require_start_unseen,
    why_not,
)
from sen2naip_sr.experiments.tuning.experiment import confirm, search_hyperparameters
from sen2naip_sr.experiments.tuning.figure import draw_search
from sen2naip_sr.experiments.tuning.findings import (
    describe_confirmation,
    describe_search,
    is_own_best,
    short_trials,
)
from sen2naip_sr.experiments.tuning.search_space import with_values


def make_setting(folder, network, stores=(None, None)):
    own = {"splits": make_splits(), "networks": {"lean": network}, "evaluation": EVALUATION}
    return make_any_setting(folder, stores, **own)


VALUES = {
    "training.learning_rate": 0.01,
    "architecture.channels": 6,
    "training.losses.l1": 0.5,
}
BETTER = with_values(NETWORK, VALUES)


def table(*rows):
    """Return a table of trials: state, PSNR or last PSNR, and whether it is the network's own."""
    made = []
    for number, (state, psnr, own) in enumerate(rows):
        made.append(
            {
                "trial": number,
                "state": state,
                "own": own,
                "psnr": psnr if state == "complete" else np.nan,
                "last_psnr": psnr,
                "steps": 10,
                "seconds": 10.0,
                "saved_seconds": 4.0 if state == "pruned" else 0.0,
                "training.learning_rate": 10.0 ** -(number % 4 + 1),
                "architecture.channels": 2 + number % 5,
                "training.losses.l1": [1.0, 0.5][number % 2],
            }
        )
    return pd.DataFrame(made)


SEARCHED = table(
    ("complete", 30.0, True),
    ("pruned", 28.0, False),
    ("complete", 30.25, False),
    ("fail", np.nan, False),
    ("complete", 29.5, False),
)


def test_says_what_the_trials_show():
    said = describe_search(SEARCHED, BETTER, list(SPACE))
    assert "Best of 5 trials: trial 2, 30.25 dB" in said
    assert "training.learning_rate 0.01, architecture.channels 6, training.losses.l1 0.5" in said
    assert "own values score 30.00 dB there (+0.25" in said
    assert "1 was pruned, which saved about 4 s of training (all trials took 50 s)" in said
    assert "1 failed." in said
    assert not is_own_best(SEARCHED)


def short(table, *steps):
    return short_trials(table.assign(steps=list(steps)))


def test_trials_of_a_few_steps_say_nothing():
    assert short(SEARCHED, 1, 1, 2, 0, 2) == {"trial 0": 1, "trial 2": 2, "trial 4": 2}
    assert short(SEARCHED, 1, 1, 30, 0, 2) == {"trial 0": 1, "trial 4": 2}
    # a pruned trial is short on purpose, and two long ones can be compared
    assert short(SEARCHED, 30, 1, 30, 0, 2) == {}
    assert short(SEARCHED[:1], 30) == {}
    said = confirm(parameters(), make_setting(Path(), NETWORK), SEARCHED.assign(steps=1), BETTER)
    assert said.startswith("lean: Nothing can be said: trial 0 (1 step), trial 2 (1 step)")
    assert "Best" not in said


def test_says_if_nothing_was_better_than_the_networks_own_values():
    own = table(("complete", 30.0, True), ("complete", 29.0, False))
    assert "no other trial was better" in describe_search(own, NETWORK, list(SPACE)[:2])
    assert is_own_best(own)


def test_says_if_the_own_values_were_not_tried_or_failed():
    rows = ("complete", 30.0, False), ("complete", 29.0, False)
    assert "lie outside" in describe_search(table(*rows), BETTER, list(SPACE))
    failed = table(("fail", np.nan, True), *rows)
    assert "own values failed" in describe_search(failed, BETTER, list(SPACE))


def test_says_what_the_paired_comparison_shows():
    pair = {"chips": 12, "verdict": "best trial is better by 0.30 dB", "p_holm": 0.01}
    said = describe_confirmation(pair)
    assert said.startswith("On 12 chips of places that the search has not scored: best trial is b")


def test_confirms_on_a_fold_that_the_search_has_not_scored():
    splits = make_splits()
    asked = parameters(confirm={"steps": 7}, training={"batch_size": 1})
    own, best = plan_confirmation(asked, "lean", NETWORK, BETTER, splits)
    assert (own.name, best.name) == (OWN, BEST)
    for variation in (own, best):
        held_out = variation.splits[variation.splits["split"] == "validation"]
        searched = splits[splits["split"] == "validation"]
        assert not set(held_out["place"]) & set(searched["place"])
        assert set(held_out["chip"]) <= set(splits.loc[splits["split"] == "train", "chip"])
        assert "test" not in set(variation.splits["place"])
        training = variation.parameters.training
        assert (training.steps, training.batch_size, training.keep) == (7, 1, "last")
    assert own.parameters.training.learning_rate == 1e-3
    assert best.parameters.training.learning_rate == 0.01
    assert best.parameters.architecture["channels"] == 6
    assert best.parameters.training.losses == {"l1": 0.5}


def test_what_the_confirmation_holds_out_steers_nothing():
    steered = {"keep": "best", "patience": 3, "target_psnr": 20.0}
    for variation in plan_confirmation(
        parameters(confirm=steered), "lean", NETWORK, BETTER, make_splits()
    ):
        training = variation.parameters.training
        assert (training.keep, training.patience, training.target_psnr) == ("last", None, None)
    asked = parameters(confirm={"schedule": {"name": "plateau"}})
    with pytest.raises(UserError, match="'plateau' follows"):
        plan_confirmation(asked, "lean", NETWORK, BETTER, make_splits())


@pytest.mark.parametrize(
    ("seen", "confirm", "refused"),
    [
        ("e", {}, "e"),  # validates
        ("e", None, "e"),
        ("c", {}, "c"),  # is in the fold that confirms
        ("c", None, None),
        ("b", {}, None),
    ],
)
def test_weights_that_have_seen_a_place_are_not_searched_from(tmp_path, seen, confirm, refused):
    network = save_start(tmp_path, [seen])
    asked = parameters(confirm=confirm)
    if refused is None:
        require_start_unseen(asked, "lean", network, make_splits())
        return
    with pytest.raises(UserError, match=f"trained on the held-out place {refused}"):
        search_hyperparameters(asked, make_setting(tmp_path, network))


def test_is_not_confirmed_where_every_fold_holds_validation_places():
    splits = make_splits().assign(fold=0)
    assert fresh_fold(splits) is None
    assert plan_confirmation(parameters(), "lean", NETWORK, BETTER, splits) == []
    assert why_not(parameters(), splits) == "every fold holds validation places"


def test_is_not_confirmed_if_not_wanted_or_nothing_differs():
    splits = make_splits()
    unwanted = parameters(confirm=None)
    assert plan_confirmation(unwanted, "lean", NETWORK, BETTER, splits) == []
    assert why_not(unwanted, splits) == "no confirmation is configured"
    same = with_values(
        NETWORK,
        {
            "training.learning_rate": 1e-3,
            "architecture.channels": 4,
            "training.losses.l1": 1.0,
        },
    )
    assert plan_confirmation(parameters(), "lean", NETWORK, same, splits) == []


def test_is_trained_scored_and_described(tmp_path):
    make_chips(tmp_path)
    stores = [require_store(tmp_path / name) for name in ("hr", "lr")]
    asked, ended = parameters(confirm={"steps": 10}), []
    setting = make_setting(tmp_path, NETWORK, stores)
    said = confirm(asked, setting, SEARCHED, BETTER, lambda *three: ended.append(three))
    assert [outcome.steps for _, _, outcome in ended] == [10, 10]
    assert {folder for folder, _, _ in ended} == {tmp_path / "lean"}
    assert "On 4 chips of places that the search has not scored: cannot be told" in said


def test_the_difference_is_paired_by_chip():
    chips = list(range(6))
    rows = [
        {
            "method": m,
            "chip": c,
            "location": c // 2,
            "band": "all",
            "psnr": 30 + c + 0.5 * (m == BEST),
        }
        for m in (OWN, BEST)
        for c in chips
    ]
    scores = pd.DataFrame(rows).sample(frac=1, random_state=0)
    pair = compare_with_own(scores, EVALUATION)
    assert (pair["a"], pair["b"], pair["chips"], pair["locations"]) == (BEST, OWN, 6, 3)
    assert [pair["low"], pair["difference"], pair["high"]] == pytest.approx([0.5, 0.5, 0.5])


def test_draws_trials_importances_and_slices():
    shares = {"training.losses.l1": 0.7, "architecture.channels": 0.2}
    figure = draw_search(SEARCHED, shares, parameters().space)
    history, bars, first, second = figure.axes
    assert history.get_title() == "Course of the search"
    assert len(bars.patches) == 2
    assert [first.get_xlabel(), second.get_xlabel()] == ["losses.l1", "channels"]
    assert [label.get_text() for label in first.get_xticklabels()] == ["1.0", "0.5"]
    figure.canvas.draw()


def test_draws_few_trials_of_one_hyperparameter():
    one = {"training.learning_rate": parameters().space["training.learning_rate"]}
    figure = draw_search(SEARCHED[:1], {}, one)
    figure.canvas.draw()
    assert figure.axes[2].get_xscale() == "log"
