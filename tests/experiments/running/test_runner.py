"""Every variation is done once, whatever fails or is interrupted."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import tiny_experiment
from tiny_experiment import EVALUATION, make_stores, make_variation, three_variations

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.running import processes, runner
from sen2naip_sr.experiments.running.outcome import read_outcome, read_scores
from sen2naip_sr.experiments.running.runner import run_variation, run_variations
from sen2naip_sr.metrics.catalogue import QUICK

pytestmark = pytest.mark.usefixtures("one_thread")


class Stopped(Exception):
    pass


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    return make_stores(tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="module")
def expected(stores, tmp_path_factory):
    """The folder of three variations that nothing has interrupted, and their outcomes."""
    folder = tmp_path_factory.mktemp("expected")
    return folder, run_variations(three_variations(), *stores, folder, EVALUATION)


@pytest.fixture
def trained(monkeypatch):
    """Return a list that the step from which each training goes on is added to, by chip seed."""
    results = []
    train = runner.train_network

    def train_and_note(*arguments, **keywords):
        weights, result = train(*arguments, **keywords)
        results.append((arguments[3].training.seed, result.resumed_from))
        return weights, result

    monkeypatch.setattr(runner, "train_network", train_and_note)
    return results


def assert_as_expected(folder, outcomes, expected):
    their_folder, theirs = expected
    without_time = {"seconds": 0.0}
    assert [o.model_copy(update=without_time) for o in outcomes] == [
        o.model_copy(update=without_time) for o in theirs
    ]
    for outcome in outcomes:
        for file in (runner.WEIGHTS, runner.HISTORY):
            ours = (folder / outcome.name / file).read_bytes()
            assert ours == (their_folder / outcome.name / file).read_bytes(), file
    pd.testing.assert_frame_equal(
        read_scores(folder, outcomes).drop(columns="seconds_per_megapixel"),
        read_scores(their_folder, theirs).drop(columns="seconds_per_megapixel"),
    )


def test_an_outcome_says_what_came_of_the_training(expected):
    folder, (outcome, *_) = expected
    assert (outcome.name, outcome.model, outcome.error) == ("seed 0", "lean", None)
    assert (outcome.steps, [step for step, _ in outcome.curve]) == (12, [0, 3, 6, 9, 12])
    assert outcome.parameters > 0 < outcome.multiply_adds
    scores = read_scores(folder, [outcome])
    assert set(scores["chip"]) == {8, 9}
    assert set(scores["method"]) == {"seed 0"}
    joint = scores[scores["band"] == "all"]
    assert outcome.psnr == pytest.approx(joint["psnr"].mean())
    of_four_bands = {"ndvi", "ndvi_rmse"}
    assert joint[[name for name in QUICK if name not in of_four_bands]].notna().all().all()
    assert joint[["ms_ssim", "uiqi"]].isna().all().all()


def test_what_has_been_done_is_not_done_again(stores, tmp_path, monkeypatch):
    variations = three_variations()[:2]
    first = run_variations(variations, *stores, tmp_path, EVALUATION)
    with monkeypatch.context() as patched:
        patched.delattr(runner, "train_network")
        assert run_variations(variations, *stores, tmp_path, EVALUATION) == first


def test_other_inputs_are_trained_anew(stores, tmp_path, trained):
    run_variations([make_variation()], *stores, tmp_path, EVALUATION)
    for changes in ({"steps": 5}, {"learning_rate": 0.1}, {"losses": {"mse": 1.0}}):
        (outcome,) = run_variations([make_variation(**changes)], *stores, tmp_path, EVALUATION)
        assert outcome.error is None
    fewer = EVALUATION.model_copy(update={"chips": 1})
    (outcome,) = run_variations([make_variation(**changes)], *stores, tmp_path, fewer)
    assert trained == [(0, None)] * 5
    assert read_scores(tmp_path, [outcome])["chip"].nunique() == 1


@pytest.mark.parametrize("psnr", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["psnr", "curve"])
def test_a_psnr_that_is_no_number_is_a_failure(stores, tmp_path, monkeypatch, psnr, where):
    train = runner._train

    def train_in_vain(*arguments):
        made = train(*arguments)
        return made | ({"psnr": psnr} if where == "psnr" else {"curve": [(0, 30.0), (3, psnr)]})

    monkeypatch.setattr(runner, "_train", train_in_vain)
    outcome = run_variation(make_variation(), *stores, tmp_path / "plain", EVALUATION)
    assert outcome.error == f"its PSNR is {psnr}"
    assert read_outcome(tmp_path / "plain") == outcome


def test_an_outcome_does_not_outlive_what_it_goes_with(stores, tmp_path):
    def stop(metrics, step):
        raise Stopped

    own = tmp_path / "plain"
    run_variation(make_variation(), *stores, own, EVALUATION)
    with pytest.raises(Stopped):
        run_variation(make_variation(seed=1), *stores, own, EVALUATION, stop)
    assert read_outcome(own) is None


def test_an_interrupted_variation_goes_on_from_its_checkpoint(stores, tmp_path, expected, trained):
    def stop(metrics, step):
        if step == 9:
            raise Stopped

    variation, *others = three_variations()
    with pytest.raises(Stopped):
        run_variation(variation, *stores, tmp_path / variation.name, EVALUATION, stop)
    outcomes = run_variations([variation, *others], *stores, tmp_path, EVALUATION)
    assert trained == [(0, 8), (1, None), (2, None)]
    assert_as_expected(tmp_path, outcomes, expected)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_experiment_loses_nothing_that_was_done(tmp_path, expected, trained, workers):
    stores = make_stores(tmp_path)
    with (tmp_path / "printed").open("w") as printed:  # a pipe would wait for workers too
        child = subprocess.Popen(
            [sys.executable, tiny_experiment.__file__, tmp_path, str(workers)],
            cwd=Path(__file__).parent,
            stdout=printed,
            stderr=printed,
        )
    made = tmp_path / "made"
    deadline = time.monotonic() + 200
    while not list(made.glob("*/checkpoint.pt")) and child.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(random.uniform(0, 0.4))
    child.kill()
    child.wait()
    assert made.exists(), (tmp_path / "printed").read_text()
    time.sleep(1)  # for workers to notice
    done = {name for n in range(3) if read_outcome(made / (name := f"seed {n}"))}
    outcomes = run_variations(three_variations(), *stores, made, EVALUATION)
    assert {f"seed {seed}" for seed, _ in trained} == {f"seed {n}" for n in range(3)} - done
    assert_as_expected(made, outcomes, expected)


def test_a_failing_variation_is_recorded_and_stops_no_other(stores, tmp_path, trained, caplog):
    variations = [
        make_variation("too fast", learning_rate=1e30, clip_norm=1e30),
        make_variation("too large", crop_size=64),
        make_variation("fine", seed=7),
    ]
    seen = []
    for _ in range(2):
        outcomes = run_variations(
            variations,
            *stores,
            tmp_path,
            EVALUATION,
            done=lambda variation, outcome: seen.append((variation.name, outcome.error is None)),
        )
        assert [outcome.error is None for outcome in outcomes] == [False, False, True]
        assert "training stopped at step" in outcomes[0].error
        assert "crop" in outcomes[1].error
        assert len(read_scores(tmp_path, outcomes)) == 2 * 3
    assert seen == 2 * [("too fast", False), ("too large", False), ("fine", True)]
    # the others never came to an end
    assert trained == [(7, None)]
    assert "too large failed" in caplog.text


def test_what_failed_is_tried_again(stores, tmp_path, monkeypatch):
    variations = [make_variation("a"), make_variation("b", seed=1)]
    train = runner.train_network

    for error in (RuntimeError("CUDA out of memory"), MemoryError(), OSError(28, "No space left")):

        def fail_first(*arguments, error=error, **keywords):
            if arguments[3].training.seed == 0:
                raise error
            return train(*arguments, **keywords)

        with monkeypatch.context() as patched:
            patched.setattr(runner, "train_network", fail_first)
            failed, fine = run_variations(variations, *stores, tmp_path, EVALUATION)
        assert failed.error == f"{type(error).__name__}: {error}"
        assert fine.error is None
        assert read_outcome(tmp_path / "a") == failed
    again, _ = run_variations(variations, *stores, tmp_path, EVALUATION)
    assert again.error is None


def test_where_all_fail_the_experiment_fails_with_the_reason(stores, tmp_path):
    with pytest.raises(UserError, match=r"all 1 variations failed; plain: .*crop"):
        run_variations([make_variation(crop_size=64)], *stores, tmp_path, EVALUATION)


def test_two_variations_of_one_name_are_refused(stores, tmp_path):
    with pytest.raises(UserError, match="two variations are called 'plain'"):
        run_variations([make_variation(), make_variation(seed=1)], *stores, tmp_path, EVALUATION)
    assert not list(tmp_path.iterdir())


def test_an_outcome_that_was_cut_off_counts_as_none(stores, tmp_path, trained):
    for text in ("", '{"name": "pl'):
        run_variations([make_variation()], *stores, tmp_path, EVALUATION)
        (tmp_path / "plain" / runner.OUTCOME).write_text(text)
    run_variations([make_variation()], *stores, tmp_path, EVALUATION)
    assert len(trained) == 3


def test_two_workers_do_what_one_does(stores, tmp_path, expected):
    outcomes = run_variations(three_variations(), *stores, tmp_path, EVALUATION, workers=2)
    assert_as_expected(tmp_path, outcomes, expected)


def test_a_worker_that_is_killed_takes_one_variation_along(stores, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "_run_there", tiny_experiment.dying)
    monkeypatch.setattr(processes, "STARTS", 2)
    variations = [make_variation(name) for name in ("doomed", "a", "b")]
    doomed, *others = run_variations(variations, *stores, tmp_path, EVALUATION, workers=2)
    assert "killed (out of memory?)" in doomed.error
    assert [outcome.error for outcome in others] == [None, None]
    monkeypatch.undo()
    doomed, *_ = run_variations(variations, *stores, tmp_path, EVALUATION)
    assert doomed.error is None
