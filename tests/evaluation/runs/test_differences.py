"""Which parameters of compared runs are said to differ."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import BICUBIC, CARN, LEAN, make_run, make_tracked

from sen2naip_sr.evaluation.runs.differences import differing_parameters
from sen2naip_sr.evaluation.runs.methods import choose_methods

SCORES = {"bicubic": BICUBIC, "carn": CARN, "lean": LEAN}
TRAINING = {"training.learning_rate": "0.001", "training.steps": "100"}


def params(network, **changed):
    own = {f"{network}.{name}": value for name, value in {**TRAINING, **changed}.items()}
    return own | {"evaluation.chips": "0", "ingestion.source": "sample"}


def differing(entries, *runs):
    methods = choose_methods(entries, make_tracked([(run, SCORES) for run in runs]))
    table = differing_parameters(methods)
    return {name: values for name, *values in table.itertuples(index=False)}


def test_only_what_differs_is_named_without_the_network():
    found = differing(
        ["a/carn", "b/carn"],
        make_run("a", "one", params=params("carn", **{"training.learning_rate": "0.002"})),
        make_run("b", "two", params=params("carn")),
    )
    assert found == {"training.learning_rate": ["0.002", "0.001"]}


def test_two_networks_are_compared_in_what_both_have():
    own = params("carn") | {"lean.training.steps": "7", "carn.architecture.groups": "2"}
    lean = params("lean", **{"training.steps": "50"}) | {"lean.architecture.channels": "8"}
    found = differing(
        ["a/carn", "b/lean"], make_run("a", "one", params=own), make_run("b", "two", params=lean)
    )
    assert found == {
        "model": ["carn", "lean"],
        "architecture.groups": ["2", "-"],
        "training.steps": ["100", "50"],
        "architecture.channels": ["-", "8"],
    }


def test_groups_that_a_run_does_not_record_are_not_compared_and_said():
    old = {"evaluation.chips": "0", "carn.training.loss": "None"}
    found = differing(
        ["a/carn", "b/carn"],
        make_run("a", "one", params=params("carn"), git_commit="1" * 40),
        make_run("b", "two", params=old, git_commit="2" * 40),
    )
    assert found == {
        "git_commit": ["1" * 12, "2" * 12],
        "training": ["recorded", "not recorded"],
    }


def test_the_parameters_of_a_variation_are_those_of_its_network():
    found = differing(
        ["a/carn", "b/carn"],
        make_run("a", "one", params={**TRAINING, "training.steps": "3"}),
        make_run("b", "two", params=params("carn")),
    )
    assert found == {"training.steps": ["3", "100"]}


def test_one_run_with_two_methods_differs_in_the_method_only():
    found = differing(["a/carn", "a/bicubic"], make_run("a", params=params("carn")))
    assert found == {"model": ["carn", "bicubic"]}


VALUES = st.dictionaries(
    st.sampled_from(["training.a", "training.b", "training.c.d", "ingestion.e"]),
    st.sampled_from(["1", "2", "None", ""]),
)


@given(VALUES, VALUES)
def test_a_parameter_is_listed_if_and_only_if_its_values_differ(first, second):
    first, second = ({"training.on": "1", "ingestion.on": "1", **own} for own in (first, second))
    found = differing(
        ["a/carn", "b/carn"],
        make_run("a", "one", params=first),
        make_run("b", "two", params=second),
    )
    for name in first.keys() | second.keys():
        values = [own.get(name, "None") for own in (first, second)]
        shown = ["-" if value in ("None", "") else value for value in values]
        assert found.get(name) == (shown if shown[0] != shown[1] else None)


@pytest.mark.parametrize("number", [2, 3])
def test_the_table_has_a_column_for_each(number):
    runs = [make_run(f"r{n}", f"run {n}", params=params("carn")) for n in range(number)]
    tracked = make_tracked([(run, SCORES) for run in runs])
    methods = choose_methods([f"{run.run_id}/carn" for run in runs], tracked)
    table = differing_parameters(methods)
    assert list(table) == ["parameter", *(one.label for one in methods)]
    assert isinstance(table, pd.DataFrame)
    assert table.empty
