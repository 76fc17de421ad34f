import pandas as pd
import pytest
from made_runs import BICUBIC, CARN, LEAN, make_run, make_tracked

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.runs.contestants import choose_contestants

ALL = {"bicubic": BICUBIC, "carn": CARN, "lean": LEAN}
TRACKED = make_tracked(
    [
        (make_run("aaaa1111"), ALL),
        (make_run("bbbb1111", started=1), {"bicubic": BICUBIC, "carn": CARN}),
        (make_run("cccc1111", "wider/one"), {"lean": LEAN}),
        (make_run("dddd1111", "plain"), {"bicubic": BICUBIC, "lanczos": CARN}),
        (make_run("eeee1111", "train_carn"), None),
        (make_run("ffff1111", "odd"), pd.DataFrame({"method": ["a"], "chip": [1]})),
    ]
)


def chosen(*entries):
    return [(one.run.run_id[0], one.method) for one in choose_contestants(entries, TRACKED)]


def test_an_entry_names_run_and_method():
    assert chosen("aaaa/bicubic", "bbbb/carn") == [("a", "bicubic"), ("b", "carn")]
    assert chosen("evaluate/carn", "aaaa/carn") == [("b", "carn"), ("a", "carn")]


def test_names_of_runs_may_hold_a_slash():
    assert chosen("wider/one", "aaaa/carn")[0] == ("c", "lean")
    assert chosen("wider/one/lean", "aaaa/carn")[0] == ("c", "lean")


def test_without_a_method_it_is_the_best_trained_one_and_said():
    first, second, third = choose_contestants(["aaaa", "bbbb", "cccc"], TRACKED)
    assert (first.method, first.remark) == ("lean", "best of its 2 trained methods by mean PSNR")
    assert (second.method, second.remark) == ("carn", "its only trained method")
    assert (third.method, third.remark) == ("lean", "")
    # nothing trained: the best of all
    assert chosen("plain", "aaaa") == [("d", "lanczos"), ("a", "lean")]


def test_the_latest_of_a_name_is_said():
    (one, _) = choose_contestants(["evaluate", "cccc"], TRACKED)
    assert one.remark == "latest of 2 runs of that name; its only trained method"


@pytest.mark.parametrize(
    ("entries", "labels"),
    [
        (["aaaa/carn", "aaaa/lean"], ["carn", "lean"]),
        (["aaaa/carn", "wider/one"], ["evaluate/carn", "wider/one/lean"]),
        (["aaaa/carn", "bbbb/carn"], ["aaaa1111/carn", "bbbb1111/carn"]),
    ],
)
def test_labels_are_the_shortest_that_are_clear(entries, labels):
    assert [one.label for one in choose_contestants(entries, TRACKED)] == labels


@pytest.mark.parametrize(
    ("entries", "problem", "remedy"),
    [
        ([], "no runs are given", "two or more runs"),
        (["aaaa"], "only one run is given", "methods of one run"),
        (["aaaa", "train_cran"], "did you mean train_carn", "id"),
        (["aaaa", "evalute/carn"], "'evalute': did you mean evaluate", "id"),
        (["aaaa", "train_carn"], r"train_carn \(eeee1111\) has no scores", "evaluated"),
        (["aaaa", "bbbb/unet"], "has no method 'unet'", "bicubic, carn$"),
        (["aaaa", "odd"], "have no column trained, place", "another run"),
        (["aaaa/lean", "aaaa"], "'aaaa/lean' and 'aaaa' both mean lean", "RUN/METHOD"),
        (["aaaa/carn"] * 2, "both mean carn of run evaluate", "another"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_what_could_be(entries, problem, remedy):
    with pytest.raises(UserError, match=problem) as caught:
        choose_contestants(entries, TRACKED)
    with pytest.raises(AssertionError, match=remedy):
        raise AssertionError(caught.value.remedy)
