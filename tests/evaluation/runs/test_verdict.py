import math

import pytest

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.measures import MEASURES, Measure, get_measure
from sen2naip_sr.evaluation.runs.verdict import Evidence, give_verdict
from sen2naip_sr.metrics.bootstrap import Interval
from sen2naip_sr.metrics.full_reference import METRICS

LOWER = ("rmse", "sam", "ergas", "consistency", "spectrum", "seconds_per_megapixel")


def verdict(mean, low, high, *, p_holm=0.01, metric="psnr", locations=20, smallest=1e-4, pairs=1):
    evidence = Evidence(Interval(mean, low, high), p_holm, locations, smallest, pairs)
    return give_verdict("A", "B", MEASURES[metric], evidence, alpha=0.05)


@pytest.mark.parametrize(
    ("numbers", "options", "words"),
    [
        ((0.21, 0.1, 0.33), {}, "A is better by 0.21 dB [0.10, 0.33]"),
        ((-0.21, -0.33, -0.1), {}, "B is better by 0.21 dB [0.10, 0.33]"),
        ((0.21, 0.1, 0.33), {"metric": "rmse"}, "B is better by 0.21 DN [0.10, 0.33]"),
        ((-0.21, -0.33, -0.1), {"metric": "sam"}, "A is better by 0.21 ° [0.10, 0.33]"),
        ((0.002, 0.001, 0.003), {}, "A is better by 0.002 dB [0.001, 0.003]"),
        ((0.21, 0.1, 0.33), {"p_holm": 0.05}, "no difference shown"),
        ((0.21, -0.01, 0.33), {}, "no difference shown"),
        ((0.21, 0.0, 0.33), {}, "no difference shown"),
        (
            (0.2, math.nan, math.nan),
            {"p_holm": math.nan, "locations": 1, "smallest": math.nan},
            "cannot be told: all chips lie in one location",
        ),
        (
            (0.2, 0.1, 0.3),
            {"p_holm": 0.0625, "locations": 5, "smallest": 0.0625},
            "cannot be told: with 5 locations p cannot be below 0.062",
        ),
        (
            (0.2, 0.1, 0.3),
            {"p_holm": 0.09375, "locations": 6, "smallest": 0.03125, "pairs": 3},
            "cannot be told: with 6 locations and 3 comparisons p cannot be below 0.094",
        ),
    ],
)
def test_words_say_what_the_numbers_support(numbers, options, words):
    assert verdict(*numbers, **options) == words


def test_it_is_known_of_every_metric_which_way_is_better():
    assert set(METRICS) <= set(MEASURES)
    assert {name for name, m in MEASURES.items() if not m.higher_is_better} == set(LOWER)


def test_an_unknown_metric_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="unknown metric 'ssmi': did you mean 'ssim'"):
        get_measure("ssmi")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((-0.004, -0.3, 0.0), "-0.004 [-0.300, 0.000]"),
        ((-1e-9,), "0.000000"),
        ((12.345,), "12.35"),
    ],
)
def test_amounts_are_not_rounded_to_nothing(values, text):
    assert Measure("m", True).amount(*values) == text
