import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import optuna
import pytest
import small_search
import torch
from optuna.trial import TrialState
from small_search import NETWORK, SPACE, make_chips, parameters, run_search

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.running.lock import locked
from sen2naip_sr.experiments.tuning import search as tuning
from sen2naip_sr.experiments.tuning import storage as study_storage
from sen2naip_sr.experiments.tuning.results import best_parameters, importance, trial_table
from sen2naip_sr.experiments.tuning.storage import load_study


@pytest.fixture
def folder(tmp_path):
    make_chips(tmp_path)
    return tmp_path


def states(study):
    return [found.state.name for found in study.trials]


def test_begins_with_the_networks_own_values_and_ends_after_as_many_trials(folder):
    seen = []
    study = run_search(folder, done=lambda variation, outcome: seen.append((variation, outcome)))
    assert len(study.trials) == 3
    assert study.trials[0].params == {
        "training.learning_rate": 1e-3,
        "architecture.channels": 4,
        "training.losses.l1": 1.0,
    }
    assert [variation.name for variation, _ in seen] == ["trial 0", "trial 1", "trial 2"]
    assert not any("test" in set(variation.splits["split"]) for variation, _ in seen)
    table = trial_table(study)
    assert table["own"].tolist() == [True, False, False]
    best = table.loc[table["psnr"].idxmax()]
    assert study.best_trial.number == best["trial"]
    assert best["psnr"] == seen[int(best["trial"])][1].psnr
    found = best_parameters(study, NETWORK)
    assert found["training"]["steps"] == 4
    assert found["training"]["learning_rate"] == study.best_trial.params["training.learning_rate"]
    assert found["training"]["losses"] == {"l1": study.best_trial.params["training.losses.l1"]}
    assert importance(study) == {}


def test_trials_of_earlier_runs_count_and_are_not_repeated(folder):
    first = run_search(folder, trials=2).trials
    written = [(folder / f"search/trial {n}/outcome.json").stat().st_mtime_ns for n in range(2)]
    told = []
    study = run_search(folder, trials=4, done=lambda variation, _: told.append(variation.name))
    assert len(study.trials) == 4
    assert told == [f"trial {number}" for number in range(4)]
    again = [(folder / f"search/trial {n}/outcome.json").stat().st_mtime_ns for n in range(2)]
    assert again == written
    assert [t.params for t in study.trials[:2]] == [t.params for t in first]
    # a sampler that began with the same seed would draw the same again
    assert len({t.params["training.learning_rate"] for t in study.trials}) == 4


def test_test_chips_have_no_part(tmp_path):
    for name, pixels in (("one", None), ("other", 9_999)):
        (tmp_path / name).mkdir()
        make_chips(tmp_path / name, pixels)
    one, other = (run_search(tmp_path / name, trials=2) for name in ("one", "other"))
    assert [t.values for t in one.trials] == [t.values for t in other.trials]
    assert [t.intermediate_values for t in one.trials] == [
        t.intermediate_values for t in other.trials
    ]


def test_pruned_trials_take_fewer_steps(folder):
    long = {"steps": 12, "validate_every": 1}
    seen = {}
    study = run_search(
        folder,
        trials=8,
        training=long,
        done=lambda variation, outcome: seen.update({variation.name: outcome}),
    )
    table = trial_table(study)
    pruned = table[table["state"] == "pruned"]
    assert len(pruned) >= 2
    assert (pruned["steps"] < 12).all()
    assert (pruned["saved_seconds"] > 0).all()
    assert pruned["psnr"].isna().all()
    assert (table.loc[table["state"] == "complete", "steps"] == 12).all()
    # its outcome has a curve and a tag, so that it can be tracked
    outcome = seen[f"trial {pruned['trial'].iloc[0]}"]
    assert outcome.tags["pruned"] == "true"
    assert [step for step, _ in outcome.curve][-1] == outcome.steps
    assert (folder / "search" / outcome.name / "history.csv").is_file()
    assert not (folder / "search" / outcome.name / "checkpoint.pt").exists()


def test_the_first_trials_are_never_pruned(folder, monkeypatch):
    everything = optuna.pruners.ThresholdPruner(lower=1e6)
    monkeypatch.setattr(study_storage, "_pruner", lambda _: everything)
    study = run_search(folder, trials=5)
    assert states(study) == ["COMPLETE"] * 3 + ["PRUNED"] * 2


def test_later_trials_are_compared_with_the_first(folder):
    asked = {"training": {"steps": 16}, "first_rung": 8, "sampler": "random"}
    study = run_search(folder, trials=3, **asked)
    for first in study.trials:
        assert first.system_attrs["completed_rung_0"] == first.intermediate_values[8]
    learns_nothing = {"training.learning_rate": 1e-5, "architecture.channels": 4}
    study.enqueue_trial(learns_nothing | {"training.losses.l1": 1.0})
    study = run_search(folder, trials=4, **asked)
    assert states(study) == ["COMPLETE"] * 3 + ["PRUNED"]
    assert max(study.trials[3].intermediate_values) == 8


def interrupt(monkeypatch, trial, validation):
    """Have Ctrl-C end the search in a trial, before a validation of it is reported."""
    report = optuna.trial.Trial.report

    def stop(self, value, step):
        if (self.number, step) == (trial, validation):
            raise KeyboardInterrupt
        report(self, value, step)

    monkeypatch.setattr(optuna.trial.Trial, "report", stop)


@pytest.mark.parametrize(("trial", "state"), [(0, "complete"), (3, "pruned")])
def test_the_time_of_an_interrupted_trial_is_that_of_its_training(
    folder, monkeypatch, trial, state
):
    pruner = optuna.pruners.ThresholdPruner(lower=1e6, n_warmup_steps=4)
    monkeypatch.setattr(study_storage, "_pruner", lambda _: pruner)
    asked = {"trials": trial + 1, "training": {"steps": 8}}
    with monkeypatch.context() as patched:
        interrupt(patched, trial, 3)
        with pytest.raises(KeyboardInterrupt):
            run_search(folder, **asked)
    checkpoint = folder / f"search/trial {trial}/checkpoint.pt"
    kept = torch.load(checkpoint)
    torch.save(kept | {"elapsed": 1000.0}, checkpoint)
    with closing(sqlite3.connect(folder / "search/study.db")) as study, study:
        study.execute("update trials set datetime_start = '2020-01-01 00:00:00.000000'")
    outcomes = []
    table = trial_table(run_search(folder, done=lambda _, o: outcomes.append(o), **asked))
    row = table.iloc[trial]
    assert row["state"] == state
    assert row["seconds"] == outcomes[trial].seconds
    assert 1000 < row["seconds"] < 2000
    assert (table["seconds"] > 0).all()
    # a step takes milliseconds, whatever the first ones took
    assert row["saved_seconds"] < 60
    assert (row["saved_seconds"] > 0) == (state == "pruned")


def test_a_trial_whose_values_do_not_go_together_is_told_too(folder):
    asked = {
        "space": {
            "training.batch_size": {"choices": [1, 2]},
            "training.batch_growth.largest": {"choices": [1, 4]},
        }
    }
    study = run_search(folder, trials=1, **asked)
    study.enqueue_trial({"training.batch_size": 1, "training.batch_growth.largest": 4})
    for _ in range(2):  # the second time it is one of an earlier run
        told = []
        study = run_search(
            folder, trials=2, done=lambda *ended, told=told: told.append(ended), **asked
        )
        assert states(study) == ["COMPLETE", "FAIL"]
        variation, outcome = told[1]
        assert (outcome.name, outcome.tags) == ("trial 1", {"trial": "1"})
        assert "halves of a batch" in outcome.error
        training = variation.parameters.model_dump(mode="json")["training"]
        assert (training["batch_size"], training["batch_growth"]["largest"]) == (1, 4)


def test_a_trial_that_ended_the_command_three_times_fails_and_the_search_goes_on(folder):
    command = [
        sys.executable,
        small_search.__file__,
        folder,
        json.dumps({"trials": 2, "space": SPACE}),
    ]
    given = os.environ | {"DIES_IN": "trial 1"}
    for _ in range(3):
        ended = subprocess.run(command, env=given, capture_output=True, check=False)
        assert ended.returncode == 9
    study = run_search(folder, trials=3)
    assert states(study)[:2] == ["COMPLETE", "FAIL"]
    assert "killed 3 times (out of memory?)" in study.trials[1].user_attrs["error"]
    assert study.trials[2].state.is_finished()


def test_a_failed_trial_is_recorded_and_not_the_end(folder, monkeypatch):
    run_job = tuning.run_job

    def fail_once(job):
        if job.variation.name == "trial 1":
            raise MemoryError("none left")
        return run_job(job)

    monkeypatch.setattr(tuning, "run_job", fail_once)
    errors = {}
    study = run_search(folder, done=lambda v, outcome: errors.update({v.name: outcome.error}))
    assert states(study)[1] == "FAIL"
    assert len(study.trials) == 3
    assert errors == {"trial 0": None, "trial 1": "MemoryError: none left", "trial 2": None}
    assert trial_table(study)["error"][1] == "MemoryError: none left"


def test_says_why_if_no_trial_came_to_its_end(folder):
    with pytest.raises(UserError, match=r"no trial finished: .*crop"):
        run_search(folder, training={"crop_size": 500})


def test_several_processes_share_a_study(folder):
    seen = []
    study = run_search(
        folder, trials=5, workers=2, done=lambda variation, _: seen.append(variation.name)
    )
    assert len(study.trials) == 5
    assert set(states(study)) <= {"COMPLETE", "PRUNED"}
    assert sorted(seen) == [f"trial {number}" for number in range(5)]
    times = [(found.datetime_start, found.datetime_complete) for found in study.trials]
    assert times[1][0] < times[0][1], "the second begins before the first ends"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_search_goes_on_with_the_trials_it_was_at(folder, workers):
    asked = {"trials": 2 + workers, "workers": workers, "first_rung": 500, "space": SPACE}
    endless = {"training": {"steps": 150, "validate_every": 50, "checkpoint_every": 10}}
    command = [sys.executable, small_search.__file__, folder, json.dumps(asked | endless)]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    last = folder / f"search/trial {workers}/checkpoint.pt"
    waited = time.monotonic() + 120
    while not last.exists() and killed.poll() is None and time.monotonic() < waited:
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert last.exists(), "killed in the middle of a trial"
    before = load_study(folder / "search", "lean", parameters()).trials
    running = [t.number for t in before if t.state == TrialState.RUNNING]
    ended = [t.number for t in before if t.state.is_finished()]
    assert running and ended
    time.sleep(0.5)  # what its processes had begun has ended with it
    told = []
    study = run_search(
        folder, done=lambda v, outcome: told.append(outcome), **(asked | endless | {"workers": 1})
    )
    assert states(study) == ["COMPLETE"] * (2 + workers)
    assert len(study.trials) == 2 + workers
    # the kill may have come while a trial's values were drawn: those that it had, it keeps
    kept = zip(before, study.trials, strict=False)
    assert all(was.params.items() <= found.params.items() for was, found in kept)


def test_a_trial_whose_process_is_ended_is_tried_again_and_not_for_ever(folder, monkeypatch):
    # the child imports the module anew: a value that ends it there has to come by the environment
    killer = folder / "sitecustomize.py"
    killer.write_text("import os, sys\nif 'spawn_main' in ' '.join(sys.orig_argv): os._exit(9)\n")
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with pytest.raises(UserError, match="its process was killed"):
        run_search(folder, trials=1, workers=2)
    killer.unlink()


def test_another_search_space_is_refused_with_the_difference(folder):
    run_search(folder, trials=1)
    wider = SPACE | {"architecture.channels": {"low": 2, "high": 8, "whole": True}}
    with pytest.raises(UserError, match=r"space.architecture.channels.high: was 6.0, is 8.0"):
        run_search(folder, space=wider)
    with pytest.raises(UserError, match=r"network.training.steps: was 4, is 5"):
        run_search(folder, training={"steps": 5})


def test_a_study_that_another_run_is_at_is_refused(folder):
    run_search(folder, trials=1)
    with locked(folder / "search"):
        with pytest.raises(UserError, match="search: another run is working"):
            run_search(folder, trials=2)
    assert len(run_search(folder, trials=2).trials) == 2


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"training.learning_rat": {"low": 0.1, "high": 1}}, "did you mean 'learning_rate'"),
        ({"traning.learning_rate": {"low": 0.1, "high": 1}}, "did you mean 'training'"),
        ({"architecture.depth": {"low": 1, "high": 2}}, "no parameter 'architecture.depth'"),
        (
            {"training.batch_size": {"choices": [0, 4]}},
            r"'training.batch_size': 0 is not valid: .* greater than or equal to 1",
        ),
        (
            {"architecture.channels": {"low": 1.5, "high": 4}},
            r"'architecture.channels': 1.5 is not valid: Input should be a valid integer",
        ),
        ({"training.schedule.name": {"choices": ["cosine", "plateau"]}}, "plateau"),
    ],
)
def test_refuses_a_space_that_the_network_cannot_be_trained_in(folder, space, message):
    with pytest.raises(UserError, match=message):
        run_search(folder, space=space)
    assert not (folder / "search").exists()


def test_refuses_a_confirmation_that_could_not_be_trained_or_would_choose(folder):
    with pytest.raises(UserError, match="plateau"):
        run_search(folder, confirm={"schedule": {"name": "plateau"}})
    growing = {"batch_growth": {"largest": 4}}
    with pytest.raises(UserError, match=r"confirmation: training: .*halves of a batch"):
        run_search(folder, training=growing, confirm={"batch_size": 1})
    assert not (folder / "search").exists()
    plateau = {"schedule": {"name": "plateau"}}
    run_search(folder, trials=1, training=plateau, confirm={"schedule": {"name": "cosine"}})


def test_sizes_are_not_searched_where_weights_to_start_from_have_theirs(folder):
    with pytest.raises(UserError, match=r"'architecture.channels' .* 'lean' starts from"):
        run_search(folder, network=NETWORK | {"start_from": "weights.safetensors"})


def test_own_values_outside_the_space_are_not_tried(folder, caplog):
    space = {"training.learning_rate": {"low": 0.01, "high": 0.1}}
    study = run_search(folder, trials=1, space=space)
    assert not trial_table(study)["own"].any()
    assert "outside the search space" in caplog.text


@pytest.mark.parametrize("sampler", ["random", "gp"])
def test_other_samplers(folder, sampler):
    assert len(run_search(folder, trials=5, sampler=sampler).trials) == 5


def test_every_run_draws_the_same(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        make_chips(tmp_path / name)
    one, other = (run_search(tmp_path / name) for name in ("one", "other"))
    assert [t.params for t in one.trials] == [t.params for t in other.trials]
    assert Path(tmp_path / "one/search/study.db").is_file()
