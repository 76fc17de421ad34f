import pytest
from pydantic import ValidationError
from tiny_experiment import EVALUATION, LEAN, make_splits, make_stores, make_variation, save_start

from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.running.variation import Variation, varied


def test_groups_are_merged_field_by_field_and_the_last_change_wins():
    changed = varied(
        LEAN,
        {"training": {"schedule": {"name": "constant"}, "batch_size": 3}},
        {"training": {"batch_size": 5}},
    )
    assert (changed.training.schedule.name, changed.training.schedule.warmup_steps) == (
        "constant",
        1,
    )
    assert (changed.training.batch_size, changed.training.crop_size) == (5, 8)
    assert varied(LEAN).training.batch_size == 2


def test_losses_and_optimizers_are_replaced_as_a_whole():
    base = {"training": LEAN["training"] | {"losses": {"l1": 1.0}}}
    assert varied(base, {"training": {"losses": {"mse": 2.0}}}).training.losses == {"mse": 2.0}
    sgd = {"path": "torch.optim.SGD", "arguments": {"momentum": 0.9}}
    changed = varied(base, {"training": {"optimizer": sgd}})
    assert changed.training.optimizer.arguments == {"momentum": 0.9}


def test_the_last_budget_replaces_the_others():
    in_minutes = varied(LEAN, {"training": {"minutes": 2}})
    assert (in_minutes.training.minutes, in_minutes.training.steps) == (2, None)
    in_steps = varied(LEAN, {"training": {"minutes": 2}}, {"training": {"steps": 5}})
    assert (in_steps.training.minutes, in_steps.training.steps) == (None, 5)


def test_an_unknown_parameter_is_refused():
    with pytest.raises(ValidationError, match="did you mean 'learning_rate'"):
        varied(LEAN, {"training": {"learning_rat": 1}})


def test_the_fingerprint_is_of_all_that_the_outcome_depends_on(tmp_path):
    stores = make_stores(tmp_path)
    fingerprints = {
        make_variation(**changes).fingerprint(*stores, EVALUATION)
        for changes in ({}, {"seed": 1}, {"steps": 5}, {"losses": {"mse": 1.0}})
    }
    fingerprints.add(make_variation().fingerprint(*stores, EvaluationParameters(chips=1)))
    assert len(fingerprints) == 5
    # but not of what it is called
    assert make_variation("other").fingerprint(*stores, EVALUATION) in fingerprints


def test_the_fingerprint_is_of_the_weights_to_start_from_not_of_their_path_alone(tmp_path):
    stores = make_stores(tmp_path)
    fingerprints = set()
    for seed in (0, 1, 1):
        started = varied(save_start(tmp_path, ["p0"], seed))
        variation = Variation("plain", "lean", started, make_splits())
        fingerprints.add(variation.fingerprint(*stores, EVALUATION))
    assert len(fingerprints) == 2
