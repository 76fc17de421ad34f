import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from tiny_experiment import (
    EVALUATION,
    TEST_CHIPS,
    make_chips,
    make_setting,
    make_splits,
    make_stores,
    save_start,
)

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.columns import REFERENCES
from sen2naip_sr.experiments.comparison import figure
from sen2naip_sr.experiments.comparison.findings import describe_comparison
from sen2naip_sr.experiments.comparison.parameters import ComparisonParameters
from sen2naip_sr.experiments.comparison.variations import (
    best_of_groups,
    compare_variations,
    pareto_front,
    plan_comparison,
    summarise_comparison,
)
from sen2naip_sr.experiments.running.baseline import score_interpolations
from sen2naip_sr.experiments.running.outcome import WEIGHTS, Outcome, read_methods, read_scores
from sen2naip_sr.experiments.running.runner import run_variations
from sen2naip_sr.experiments.running.timing import time_networks

TWO = {"l1": {}, "mse": {"training": {"losses": {"mse": 1.0}}}}


def plan(variations=TWO, **parameters):
    checked = ComparisonParameters(variations=variations, **parameters)
    return plan_comparison(checked, make_setting())


def test_variations_see_no_test_chip_and_differ_in_what_is_asked():
    first, second = plan(training={"batch_size": 3})
    assert (first.name, second.name) == ("l1", "mse")
    assert second.parameters.training.losses == {"mse": 1.0}
    for variation in (first, second):
        assert variation.parameters.training.batch_size == 3
        assert not set(variation.splits["chip"]) & set(TEST_CHIPS)


def test_each_is_trained_at_every_rate():
    variations = plan(learning_rates=[0.1, 10])
    assert [v.name for v in variations] == [
        *("l1 rate 0.0005", "l1 rate 0.05"),
        *("mse rate 0.0005", "mse rate 0.05"),
    ]
    assert [v.tags["group"] for v in variations] == ["l1", "l1", "mse", "mse"]


@pytest.mark.parametrize(
    ("factors", "tried"),
    [([3, 1, 0.3], ["highest", None, "lowest"]), ([2], [None]), ([], [None])],
)
def test_the_edges_of_the_rates_are_marked(factors, tried):
    variations = plan(learning_rates=factors)
    assert [v.tags.get("rate_tried") for v in variations] == 2 * tried


def test_null_takes_a_variation_out():
    assert [v.name for v in plan(TWO | {"more": {}, "mse": None})] == ["l1", "more"]
    with pytest.raises(ValidationError, match="at least 2"):
        plan({"l1": {}, "mse": None})


@pytest.mark.parametrize(
    ("variations", "message"),
    [
        ({"a": {"training": {"lossess": {}}}}, "unknown parameter 'lossess'"),
        ({"a": {"training": {"batch_size": 0}}}, "batch_size"),
        ({"a": {"trainin": {}}}, "unknown parameter 'trainin'"),
        ({"../a": {}}, "should match pattern"),
        ({"a": {"against": "b"}}, "variation 'a': against 'b', which is none of the others"),
        ({"a": {"against": "a"}}, "variation 'a': against 'a'"),
    ],
)
def test_what_no_training_takes_is_refused_before_anything_runs(variations, message):
    with pytest.raises(ValidationError, match=message):
        ComparisonParameters(variations=TWO | variations)


@pytest.mark.parametrize(
    ("variation", "message"),
    [
        ({"model": "leen"}, "unknown model 'leen'"),
        ({"architecture": {"channel": 4}}, "variation 'odd': .*unknown parameter 'channel'"),
    ],
)
def test_what_does_not_fit_the_network_is_refused(variation, message):
    with pytest.raises(UserError, match=message):
        plan(TWO | {"odd": variation})


def test_weights_to_start_from_have_the_size_and_have_not_seen_what_is_held_out(tmp_path):
    def started(places, variations=TWO):
        network = save_start(tmp_path, places)
        checked = ComparisonParameters(variations=variations)
        return plan_comparison(checked, make_setting(networks={"lean": network}))

    assert started(["p0", "p1"])
    with pytest.raises(UserError, match="trained on the held-out place p4"):
        started(["p0", "p4"])
    with pytest.raises(UserError, match="variation 'wide': it changes the architecture"):
        started(["p0"], TWO | {"wide": {"architecture": {"channels": 8, "blocks": 1}}})


def test_networks_are_timed_in_this_process_whatever_their_workers_took(tmp_path):
    hr, lr = make_stores(tmp_path)
    for name, channels in (("small", 4), ("large", 128)):
        (tmp_path / name).mkdir()
        save_start(tmp_path / name, ["p0"], channels=channels, blocks=4)
        (tmp_path / name / "start.safetensors").rename(tmp_path / name / WEIGHTS)
    methods = read_methods(tmp_path, [outcome("small", "", 30.0), outcome("large", "", 31.0)])
    times = time_networks(methods, hr, lr, 8, "cpu")
    assert 0 < times["small"] < times["large"]


def outcome(name, group, psnr):
    return Outcome(
        name=name,
        model="lean",
        tags={"group": group},
        fingerprint="",
        psnr=psnr,
        error=None if psnr else "failed",
    )


def test_the_best_rate_stands_for_its_variation():
    outcomes = [
        outcome("a1", "a", 30.0),
        outcome("a2", "a", 31.0),
        outcome("a3", "a", None),
        outcome("b1", "b", None),
        outcome("c1", "c", 29.0),
    ]
    assert [chosen.name for chosen in best_of_groups(outcomes)] == ["a2", "c1"]


def test_no_test_chip_changes_a_comparison(tmp_path):
    poisoned = make_chips()
    poisoned[list(TEST_CHIPS)] = 255
    tables = []
    for name, chips in (("plain", make_chips()), ("poisoned", poisoned)):
        hr, lr = make_stores(tmp_path / name, chips)
        outcomes = run_variations(plan(), hr, lr, tmp_path / name, EVALUATION)
        held_out = make_splits().query("split == 'validation'")
        plain = score_interpolations(hr, lr, held_out, tmp_path / name, EVALUATION)
        scores = read_scores(tmp_path / name, outcomes)
        assert set(scores["chip"]) == {8, 9}
        times = {"l1": 5.0, "mse": 7.0}
        tables.append(summarise_comparison(outcomes, scores, plain, EVALUATION, times))
    timed = "training_seconds"
    pd.testing.assert_frame_equal(tables[0].drop(columns=timed), tables[1].drop(columns=timed))
    table = tables[0]
    assert dict(zip(table["variation"], table["milliseconds"], strict=True)) == times
    assert list(table["psnr"]) == sorted(table["psnr"], reverse=True)
    assert table.loc[0, "behind_best"] == 0
    expected = table.loc[1, "psnr"] - table.loc[0, "psnr"]
    assert table.loc[1, "behind_best"] == pytest.approx(expected)
    assert np.isnan(table.loc[0, "behind_p"])
    assert 0 < table.loc[1, "behind_p"] <= 1
    assert table["against"].isna().all()
    assert table["uiqi"].isna().all()
    for draw in ("draw_costs", "draw_qualities", "draw_intervals"):
        assert getattr(figure, draw)(table).axes


def test_the_pareto_front_is_that_of_brute_force():
    random = np.random.default_rng(0)
    for _ in range(50):
        gain, cost = (pd.Series(random.integers(0, 5, 12)) for _ in range(2))

        def beaten(row, gain=gain, cost=cost):
            return any(
                (gain[other] > gain[row] and cost[other] <= cost[row])
                or (gain[other] >= gain[row] and cost[other] < cost[row])
                for other in range(12)
            )

        assert pareto_front(gain, cost) == [not beaten(row) for row in range(12)]


def test_pairs_that_are_asked_for_are_compared(tmp_path):
    hr, lr = make_stores(tmp_path / "stores", make_chips())
    variations = plan(TWO | {"mse": TWO["mse"] | {"against": "l1"}})
    outcomes = run_variations(variations, hr, lr, tmp_path, EVALUATION)
    held_out = make_splits().query("split == 'validation'")
    without = score_interpolations(hr, lr, held_out, tmp_path, EVALUATION)
    plain = score_interpolations(hr, lr, held_out, tmp_path, EVALUATION, splits=make_splits())
    assert set(plain["method"]) == {*without["method"], *REFERENCES}
    scores, times = read_scores(tmp_path, outcomes), {"l1": 5.0, "mse": 7.0}
    table = summarise_comparison(outcomes, scores, plain, EVALUATION, times)
    rows = table.set_index("variation")
    assert rows.loc["mse", "against"] == "l1"
    assert pd.isna(rows.loc["l1", "against"])
    expected = rows.loc["mse", "psnr"] - rows.loc["l1", "psnr"]
    assert rows.loc["mse", "against_psnr"] == pytest.approx(expected)
    findings = describe_comparison(table, "bars")
    assert "mse against l1: cannot be told: with 2 locations" in findings
    # networks that were hardly trained are below a linear filter, and said to be
    linear = plain[(plain["method"] == "linear") & (plain["band"] == "all")]["psnr"].mean()
    failed = rows.index[rows["psnr"] < linear].tolist()
    assert rows.index[rows["failed"]].tolist() == failed
    assert ("Failed, below a linear filter" in findings) == bool(failed)


WORSE, EQUAL = "best is better by 0.10 dB [0.05, 0.20]", "no difference shown"
FEW = "cannot be told: all chips lie in one location"


def table_of(verdict=WORSE, **columns):
    return pd.DataFrame(
        {
            "variation": ["best", "other"],
            "psnr": [30.0, 29.9],
            "ssim": [0.9, 0.91],
            "sam": [2.0, 3.0],
            "spectrum": [1.0, 0.5],
            "delta_psnr": [1.0, 0.9],
            "delta_low": 0.5,
            "delta_high": 1.5,
            "n_chips": 8,
            "n_places": 2,
            "behind_best": [0.0, -0.1],
            "behind_low": [0.0, -0.2],
            "behind_high": [0.0, -0.05],
            "behind_verdict": [np.nan, verdict],
            "rate_tried": None,
            "against": None,
            "parameters": [200, 100],
            "multiply_adds": [20, 30],
            "milliseconds": [5.0, 6.0],
            "on_front_parameters": True,
            "on_front_multiply_adds": [True, False],
            "on_front_milliseconds": [True, False],
        }
        | columns
    )


def test_no_difference_is_shown_unless_the_verdict_says_so():
    text = describe_comparison(table_of(EQUAL), "bars")
    assert "No difference to it shown for: other." in text
    assert "Worse" not in text
    text = describe_comparison(table_of(FEW), "bars")
    assert f"The difference to other {FEW}." in text
    assert "shown" not in text


def test_the_findings_name_what_is_worse_and_of_how_many_places():
    text = describe_comparison(table_of(failed=[False, True]), "bars")
    assert "Failed, below a linear filter: other." in text
    assert "Failed" not in describe_comparison(table_of(failed=False), "bars")
    text = describe_comparison(table_of(n_places=1), "bars")
    assert "Best: best, 30.00 dB (+1.00 [+0.50, +1.50]" in text
    assert "other (-0.10 [-0.20, -0.05])" in text
    assert "No difference" not in text
    assert "of one place" in text


def test_a_single_location_has_no_interval():
    text = describe_comparison(table_of(delta_low=np.nan, delta_high=np.nan), "bars")
    assert "(+1.00 [one location: no interval] to the best" in text


def test_a_rate_at_the_edge_of_those_tried_is_named():
    text = describe_comparison(table_of(rate_tried=[None, "highest"]), "bars")
    assert "edge of the learning rates tried: other (highest)" in text
    assert "edge" not in describe_comparison(table_of(), "bars")


def test_variations_are_compared_with_the_ones_that_they_name():
    columns = {"psnr": -0.1, "low": -0.2, "high": -0.05, "p": 0.01, "verdict": WORSE}
    pair = {f"against_{name}": [np.nan, value] for name, value in columns.items()}
    text = describe_comparison(table_of(against=[None, "best"], **pair), "bars")
    assert f"other against best: {WORSE} (p = 0.01)." in text


def test_the_findings_are_about_what_the_comparison_is_about():
    costs = describe_comparison(table_of(), "cost")
    assert "by parameters: other, best; by multiply-adds: best; by time on this machine: b" in costs
    losses = describe_comparison(table_of(), "losses")
    assert "SSIM other (0.9100), SAM best (2.00 °), spectrum other (0.50 dB)" in losses
    assert "parameters" not in losses


def compared(folder, **options):
    setting = make_setting(folder / "made", make_stores(folder))
    return compare_variations(ComparisonParameters(asks="Which?", **options), setting)


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("about", ["bars", "cost", "losses"])
def test_a_comparison_of_a_few_steps_says_nothing(steps, about, tmp_path):
    found = compared(tmp_path, variations=TWO, figure=about, training={"steps": steps})
    assert found.text.startswith("Which? Nothing can be said: l1 (")
    assert not re.search("nan|Best|Worse|Pareto", found.text)
    assert found.more["figure"].get_suptitle().startswith("Says nothing: ")
    assert len(found.table) == 2


def test_variations_of_a_few_steps_are_left_out_of_a_comparison(tmp_path):
    one = {"training": {"steps": 1}}
    variations = TWO | {"hasty": one, "other": {"training": {"seed": 5}}}
    found = compared(tmp_path, variations=variations, training={"steps": 12})
    assert set(found.table["variation"]) == {"l1", "mse", "other"}
    assert "Best: " in found.text
    assert "Left out: hasty (1 step) took fewer than 10 steps" in found.text
    assert not found.more["figure"].get_suptitle()


CODE = """
import sys
for name in ("kedro", "kedro_mlflow", "kedro_datasets", "mlflow"):
    sys.modules[name] = None
from pathlib import Path
import tiny_experiment as tiny
from sen2naip_sr.experiments.comparison.parameters import ComparisonParameters
from sen2naip_sr.experiments.comparison.variations import compare_variations
folder = Path(sys.argv[1])
variations = {"l1": {}, "mse": {"training": {"losses": {"mse": 1.0}}}}
parameters = ComparisonParameters(asks="Which loss?", variations=variations, figure="losses")
parameters = parameters.model_copy(update={"training": {"steps": 12}})
ended = []
setting = tiny.make_setting(folder / "made", tiny.make_stores(folder))
findings = compare_variations(parameters, setting, lambda *three: ended.append(three[1].name))
assert ended == ["l1", "mse"]
assert len(findings.table) == 2 and set(findings.more) == {"figure", "gallery"}
print(findings.text)
"""


def test_a_comparison_runs_without_kedro_and_mlflow(tmp_path):
    own = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": own},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Which loss? Best: ")
