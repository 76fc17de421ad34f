import math

import numpy as np
import pandas as pd
import pytest
from small_search import EVALUATION, NETWORK, SPACE, make_chips, make_splits, parameters
from tiny_experiment import save_start

from sen2naip_sr.chips.store import require_store
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.paired.bootstrap import Interval
from sen2naip_sr.experiments.tuning.confirmation import (
    BEST,
    OWN,
    difference,
    fresh_fold,
    plan_confirmation,
    require_start_unseen,
    why_not,
)
from sen2naip_sr.experiments.tuning.figure import draw_search
from sen2naip_sr.experiments.tuning.findings import answer_confirmation, answer_search, is_own_best
from sen2naip_sr.experiments.tuning.search_space import with_values
from sen2naip_sr.pipelines.experiments import tuning_nodes

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
    said = answer_search(SEARCHED, BETTER, list(SPACE))
    assert "Best of 5 trials: trial 2, 30.25 dB" in said
    assert "training.learning_rate 0.01, architecture.channels 6, training.losses.l1 0.5" in said
    assert "own values score 30.00 dB there (+0.25" in said
    assert "1 was pruned, which saved about 4 s of training (all trials took 50 s)" in said
    assert "1 failed." in said
    assert not is_own_best(SEARCHED)


def test_says_if_nothing_was_better_than_the_networks_own_values():
    own = table(("complete", 30.0, True), ("complete", 29.0, False))
    assert "no other trial was better" in answer_search(own, NETWORK, list(SPACE)[:2])
    assert is_own_best(own)


def test_says_if_the_own_values_were_not_tried_or_failed():
    rows = ("complete", 30.0, False), ("complete", 29.0, False)
    assert "lie outside" in answer_search(table(*rows), BETTER, list(SPACE))
    failed = table(("fail", np.nan, True), *rows)
    assert "own values failed" in answer_search(failed, BETTER, list(SPACE))


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        (Interval(0.3, 0.1, 0.5), "Confirmed: better than the network's own values by +0.30 dB"),
        (Interval(0.1, -0.1, 0.3), "No difference shown"),
        (Interval(-0.3, -0.5, -0.1), "worse than the network's own values, -0.30 dB"),
        (Interval(0.3, math.nan, math.nan), "nothing is shown of others"),
    ],
)
def test_says_no_more_than_the_interval_shows(interval, said):
    assert said in answer_confirmation(interval, 12)


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
    with pytest.raises(UserError, match=f"trained on the place '{refused}'"):
        tuning_nodes.search_hyperparameters(
            asked, "lean", make_splits(), None, None, EVALUATION, tmp_path, lean=network
        )


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


def test_is_trained_scored_and_told(tmp_path):
    make_chips(tmp_path)
    stores = [require_store(tmp_path / name) for name in ("hr", "lr")]
    asked = parameters(confirm={"steps": 2})
    splits, best = make_splits(), {"lean": BETTER}
    planned = tuning_nodes.plan_confirmation(asked, "lean", splits, best, lean=NETWORK)
    outcomes = tuning_nodes.run_confirmation(planned, *stores, EVALUATION, asked, tmp_path)
    assert [outcome.steps for outcome in outcomes] == [2, 2]
    said = tuning_nodes.answer_search(
        asked, SEARCHED, best, splits, planned, outcomes, EVALUATION, tmp_path
    )
    assert "on 4 chips of places that the search has not scored" in said
    assert said.endswith("copy tune_best.yml to conf/local/parameters_lean.yml.")
    assert tuning_nodes.run_confirmation([], *stores, EVALUATION, asked, tmp_path) == []


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
    interval, count = difference(scores, EVALUATION)
    assert count == 6
    assert (interval.low, interval.mean, interval.high) == pytest.approx((0.5, 0.5, 0.5))


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
