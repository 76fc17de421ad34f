import math

import numpy as np
import pandas as pd
import pytest
from made_runs import make_shared

from sen2naip_sr.evaluation.runs.comparison import (
    compare_at_places,
    compare_pairs,
    paired_differences,
)
from sen2naip_sr.evaluation.runs.parameters import ComparingParameters

COLUMNS = [
    *("a", "b", "chips", "locations", "difference", "low", "high", "p", "p_holm", "verdict"),
]
GENERATOR = np.random.default_rng(0)
LEVEL = GENERATOR.normal(30, 4, 20)
VALUES = {
    "a": LEVEL,
    "b": LEVEL - 0.5 + GENERATOR.normal(0, 0.1, 20),
    "c": LEVEL + GENERATOR.normal(0, 0.5, 20),
}


def compared(values, places=None, locations=None, **parameters):
    options = {"bootstrap_draws": 300, "permutations": 2000, **parameters}
    return compare_pairs(make_shared(values, places, locations), ComparingParameters(**options))


def test_every_pair_has_a_row():
    table = compared(VALUES)
    assert list(table) == COLUMNS
    assert list(zip(table["a"], table["b"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert (table["chips"] == 20).all()
    assert (table["p_holm"] >= table["p"]).all()


def test_a_clear_difference_is_shown_and_an_unclear_one_is_not():
    table = compared(VALUES)
    row = table.iloc[0]
    assert row["low"] < row["difference"] < row["high"]
    assert row["verdict"] == (
        f"a is better by {row['difference']:.2f} dB [{row['low']:.2f}, {row['high']:.2f}]"
    )
    assert table["verdict"][1] == "no difference shown"


def test_where_lower_is_better_the_other_one_wins():
    assert compared(VALUES, metric="rmse")["verdict"][0].startswith("b is better by 0.49 DN")


def test_swapping_the_sides_swaps_signs_and_nothing_else():
    there = compared({name: VALUES[name] for name in "ab"}).iloc[0]
    back = compared({name: VALUES[name] for name in "ba"}).iloc[0]
    assert back[["a", "b"]].tolist() == ["b", "a"]
    assert [-back["difference"], -back["high"], -back["low"]] == pytest.approx(
        [there["difference"], there["low"], there["high"]]
    )
    assert (back["p"], back["verdict"]) == (there["p"], there["verdict"])


def test_order_of_the_chips_does_not_matter():
    scores = make_shared(VALUES)
    mixed = pd.concat(
        [group.sample(frac=1, random_state=3) for _, group in scores.groupby("label")]
    )
    first, second = (compare_pairs(table, ComparingParameters()) for table in (scores, mixed))
    pd.testing.assert_frame_equal(first, second)


def test_one_location_tells_nothing():
    row = compared({name: VALUES[name] for name in "ab"}, locations=["x"] * 20).iloc[0]
    assert row["difference"] > 0.4
    assert math.isnan(row["p"])
    assert math.isnan(row["p_holm"])
    assert row["verdict"] == "cannot be told: all chips lie in one location"


def test_few_locations_cannot_show_anything_however_large():
    values = {"a": [9.0] * 4, "b": [1.0] * 4}
    assert compared(values)["verdict"][0] == (
        "cannot be told: with 4 locations p cannot be below 0.12"
    )


def test_chips_without_a_value_for_both_are_left_out():
    values = {"a": [1.0, np.nan, 3.0, np.inf], "b": [0.0, 1.0, np.nan, 0.0], "c": [np.nan] * 4}
    table = compared(values)
    assert table["chips"].tolist() == [1, 0, 0]
    assert table["verdict"].tolist()[1:] == ["cannot be told: no chip has a value for both"] * 2


def test_differences_are_paired_by_chip():
    table = paired_differences(make_shared({"a": [1.0, 5.0], "b": [0.5, 7.0]}))
    assert list(table) == ["a", "b", "chip", "place", "location", "difference"]
    assert table["difference"].tolist() == [0.5, -2.0]


def test_every_place_has_its_own_means():
    values = {"a": [1.0, 3.0, 5.0], "b": [0.0, 0.0, 6.0]}
    table = compare_at_places(make_shared(values, ["sea", "sea", "town"], ["x", "x", "y"]))
    assert list(table) == [
        *("a", "b", "place", "chips", "locations", "mean_a", "mean_b", "difference"),
    ]
    assert table.iloc[0, 2:].tolist() == ["sea", 2, 1, 2.0, 0.0, 2.0]
    assert table.iloc[1, 2:].tolist() == ["town", 1, 1, 5.0, 6.0, -1.0]
