import pytest

from sen2naip_sr.evaluation.runs.parameters import ComparedRuns

THREE = ["a", "b/carn", "c"]


@pytest.mark.parametrize(
    ("given", "runs"),
    [
        ("a;b/carn;c", THREE),
        ("[a;b/carn;c]", THREE),
        (" [ a ; b/carn; 'c' ; ] ", THREE),
        # what the command line makes of runs=[a;b/carn;c]
        (["a;b/carn;c"], THREE),
        (THREE, THREE),
        ("a", ["a"]),
        (12345678, ["12345678"]),
        ([12345678, "a"], ["12345678", "a"]),
        (None, []),
        ("", []),
        ([], []),
    ],
)
def test_runs_are_listed_on_the_command_line_and_in_files(given, runs):
    assert ComparedRuns.model_validate(given).root == runs


@pytest.mark.parametrize("given", [{"a": 1}, True, 1e5, ["a", None]])
def test_what_is_no_list_of_texts_is_refused(given):
    with pytest.raises(ValueError, match="is not a list of runs"):
        ComparedRuns.model_validate(given)
