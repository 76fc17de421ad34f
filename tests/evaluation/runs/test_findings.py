import numpy as np
import pandas as pd
import pytest
from made_runs import make_run, make_shared, make_tracked

from sen2naip_sr.evaluation.runs.comparison import compare_at_places, compare_pairs
from sen2naip_sr.evaluation.runs.differences import differing_parameters
from sen2naip_sr.evaluation.runs.findings import SHOWN, describe_findings
from sen2naip_sr.evaluation.runs.methods import choose_methods
from sen2naip_sr.evaluation.runs.parameters import ComparingParameters
from sen2naip_sr.evaluation.runs.shared_chips import describe_methods, shared_scores

LEVEL = np.random.default_rng(0).normal(30, 4, 20)
NOISE = np.random.default_rng(1).normal(0, 0.02, 20)
NOTHING_DIFFERS = pd.DataFrame(columns=["parameter", "a", "b"])
PARAMETERS = ComparingParameters(bootstrap_draws=200, permutations=2000)


def found(values, entries=("aaaa/carn", "aaaa/lean"), parameters=PARAMETERS):
    tracked = make_tracked([(make_run("aaaa1111"), values)])
    methods = choose_methods(entries, tracked)
    scores = shared_scores(methods, parameters.metric)
    table = describe_methods(methods, scores, parameters.metric)
    places = compare_at_places(scores)
    comparison, differing = compare_pairs(scores, parameters), differing_parameters(methods)
    return describe_findings(table, comparison, places, differing, parameters)


def test_it_says_who_on_what_and_what_came_of_it():
    text = found({"carn": LEVEL + 0.2 + NOISE, "lean": LEVEL})
    assert text.startswith(
        "PSNR (dB, higher is better) on 20 test chips of 20 locations\n"
        "Imagery: directory; LR by area@1\n"
    )
    assert "  carn: 29.47 dB; run evaluate (aaaa1111)\n" in text
    assert "carn against lean: carn is better by 0.20 dB [0.20, 0.21] (p = 0.0005)" in text
    assert "95 % intervals" in text
    assert "Holm" not in text


def test_no_difference_comes_with_its_interval_and_a_warning():
    text = found({"carn": LEVEL + NOISE, "lean": LEVEL})
    assert "no difference shown (0.00" in text or "no difference shown (-0.00" in text
    assert "does not mean equal" in text


def test_several_comparisons_are_said_to_be_adjusted():
    values = {"carn": LEVEL, "lean": LEVEL + NOISE, "bicubic": LEVEL - 1}
    text = found(values, ["aaaa/carn", "aaaa/lean", "aaaa/bicubic"])
    assert "adjusted for 3 comparisons (Holm)" in text


def test_what_cannot_be_told_shows_no_numbers():
    text = found({"carn": [2.0, 2.0], "lean": [1.0, 1.0]})
    assert "carn against lean: cannot be told: with 2 locations p cannot be below 0.5\n" in text


def test_places_that_say_the_opposite_are_named():
    values = {"a": LEVEL + np.where(np.arange(20) < 18, 1.0, -0.3), "b": LEVEL}
    places = ["plain"] * 18 + ["dunes"] * 2
    scores = make_shared(values, places)
    methods = pd.DataFrame(
        {
            "label": ["a", "b"],
            "run_id": ["r1", "r2"],
            "run": "evaluate",
            # as a stored table comes back
            "remark": np.nan,
            "chips": [20, 24],
            "chips_compared": 20,
            "psnr": 30.0,
            "data_source": np.nan,
            "recipe": "area@1",
        }
    )
    comparison, table = compare_pairs(scores, PARAMETERS), compare_at_places(scores)
    text = describe_findings(methods, comparison, table, NOTHING_DIFFERS, PARAMETERS)
    assert "but the reverse at 1 of 2 places, most at dunes: 0.30 dB" in text
    assert "20 shared test chips of 20 locations (scored: 20, 24)" in text
    assert "nan" not in text


@pytest.mark.parametrize("metric", ["rmse", "ssim"])
def test_the_metric_and_its_direction_are_named(metric):
    text = found(
        {"carn": LEVEL, "lean": LEVEL + NOISE},
        parameters=ComparingParameters(metric=metric, permutations=100),
    )
    assert text.startswith(
        {"rmse": "RMSE (DN, lower is better)", "ssim": "SSIM (higher is better)"}[metric]
    )


def test_the_parameters_that_differ_are_listed_up_to_some():
    methods = pd.DataFrame(
        {
            "label": ["a", "b"],
            "entry": ["a", "b"],
            "run_id": ["r1", "r2"],
            "run": "carn",
            "remark": "",
            "chips": 20,
            "chips_compared": 20,
            "psnr": 30.0,
            "data_source": "sample",
            "recipe": "area@1",
        }
    )
    scores = make_shared({"a": LEVEL + 1, "b": LEVEL})
    tables = compare_pairs(scores, PARAMETERS), compare_at_places(scores)
    names = ["training.learning_rate", *(f"training.x{number}" for number in range(SHOWN + 1))]
    differing = pd.DataFrame({"parameter": names, "a": "0.001", "b": "long" * 20})
    text = describe_findings(methods, *tables, differing, PARAMETERS)
    assert "Parameters that differ (a | b):\n  training.learning_rate: 0.001 | longlong" in text
    assert "\n  and 2 more\n" in text
    assert max(map(len, text.splitlines())) < 110
    text = describe_findings(methods, *tables, NOTHING_DIFFERS, PARAMETERS)
    assert "No parameter that all of them record differs." in text
