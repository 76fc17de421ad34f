import pytest
from made_runs import make_run

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.runs.tracked import find_run, unknown_run

RUNS = [
    make_run("aaaa1111", started=1),
    make_run("aaaa2222", started=3),
    make_run("bbbb1111", started=5, finished=False),
    make_run("cccc1111", "train_carn", started=2),
    make_run("dddd1111", "aaaa", started=4),
    make_run("eeee1111", "lean lr=0.002 (naip)", started=0),
    make_run("eeee2222", "lean lr=0.003", started=-1),
]


@pytest.mark.parametrize(
    ("text", "run_id", "remark"),
    [
        ("aaaa1111", "aaaa1111", ""),
        ("cc", "cccc1111", ""),
        ("train_carn", "cccc1111", ""),
        # not the one that came to no end, though it is later
        ("evaluate", "aaaa2222", "latest of 3 runs of that name"),
        # a name goes before the beginning of an id
        ("aaaa", "dddd1111", ""),
        ("lean", "eeee1111", "latest of 2 runs of that name"),
        ("lean lr=0.003", "eeee2222", ""),
    ],
)
def test_a_text_means_an_id_a_name_or_the_beginning_of_an_id(text, run_id, remark):
    run, said = find_run(text, RUNS)
    assert (run.run_id, said) == (run_id, remark)


def test_an_ambiguous_beginning_is_refused_with_the_ids():
    with pytest.raises(UserError, match="begin with 'aaa': aaaa1111, aaaa2222"):
        find_run("aaa", RUNS)


def test_an_unknown_run_is_refused_with_the_nearest():
    assert find_run("train_cran", RUNS) is None
    problem = unknown_run("train_cran", RUNS).problem
    assert "'train_cran': did you mean train_carn (cccc1111)?" in problem


def test_where_none_is_near_the_latest_are_named():
    problem = unknown_run("zzz", RUNS).problem
    assert "the latest are evaluate (bbbb1111), aaaa (dddd1111), evaluate (aaaa2222)" in problem


def test_where_nothing_is_tracked_it_says_so():
    assert unknown_run("zzz", []).code == "no-tracked-run"
