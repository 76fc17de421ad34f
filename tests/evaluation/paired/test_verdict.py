import math

import pytest

from sen2naip_sr.evaluation.paired.verdict import describe_pair, give_verdict, is_shown
from sen2naip_sr.metrics.catalogue import METRICS


def verdict(mean, low, high, *, p_holm=0.01, metric="psnr", locations=20, smallest=1e-4, pairs=1):
    pair = {"a": "A", "b": "B", "locations": locations, "p_holm": p_holm}
    pair |= {"difference": mean, "low": low, "high": high}
    return give_verdict(pair, METRICS[metric], smallest_p=smallest, comparisons=pairs, alpha=0.05)


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


@pytest.mark.parametrize(
    ("verdict", "text", "shown"),
    [
        ("A is better by 0.21 dB", "A is better by 0.21 dB (p = 0.01)", True),
        ("no difference shown", "no difference shown (0.10 dB [-0.20, 0.40], p = 0.01)", False),
        ("cannot be told: why", "cannot be told: why", False),
    ],
)
def test_numbers_stand_behind_a_verdict_that_rests_on_them(verdict, text, shown):
    pair = {"verdict": verdict, "difference": 0.1, "low": -0.2, "high": 0.4, "p_holm": 0.01}
    assert describe_pair(pair, METRICS["psnr"]) == text
    assert is_shown(verdict) == shown
