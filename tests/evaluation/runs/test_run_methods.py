import pandas as pd
import pytest
from made_runs import BICUBIC, CARN, LEAN, make_run, make_tracked

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.runs.methods import choose_methods

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
    return [(one.run.run_id[0], one.method) for one in choose_methods(entries, TRACKED)]


def test_an_entry_names_run_and_method():
    assert chosen("aaaa/bicubic", "bbbb/carn") == [("a", "bicubic"), ("b", "carn")]
    assert chosen("evaluate/carn", "aaaa/carn") == [("b", "carn"), ("a", "carn")]


def test_names_of_runs_may_hold_a_slash():
    assert chosen("wider/one", "aaaa/carn")[0] == ("c", "lean")
    assert chosen("wider/one/lean", "aaaa/carn")[0] == ("c", "lean")


def test_without_a_method_it_is_the_best_trained_one_and_said():
    first, second, third = choose_methods(["aaaa", "bbbb", "cccc"], TRACKED)
    assert (first.method, first.remark) == ("lean", "best of its 2 trained methods by mean PSNR")
    assert (second.method, second.remark) == ("carn", "its only trained method")
    assert (third.method, third.remark) == ("lean", "")
    # nothing trained: the best of all
    assert chosen("plain", "aaaa") == [("d", "lanczos"), ("a", "lean")]


def test_the_latest_of_a_name_is_said():
    (one, _) = choose_methods(["evaluate", "cccc"], TRACKED)
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
    assert [one.label for one in choose_methods(entries, TRACKED)] == labels


@pytest.mark.parametrize(
    ("entries", "code", "said"),
    [
        ([], "too-few-runs", "no runs are given"),
        (["aaaa"], "too-few-runs", "only one run"),
        (["aaaa", "train_cran"], "unknown-run", "did you mean train_carn"),
        (["aaaa", "evalute/carn"], "unknown-run", "'evalute': did you mean evaluate"),
        (["aaaa", "train_carn"], "run-without-scores", r"train_carn \(eeee1111\)"),
        (["aaaa", "bbbb/unet"], "unknown-method", "bicubic, carn$"),
        (["aaaa", "odd"], "scores-incomplete", "trained, place"),
        (["aaaa/lean", "aaaa"], "run-given-twice", "'aaaa/lean' and 'aaaa' both name lean"),
        (["aaaa/carn"] * 2, "run-given-twice", "both name carn of run evaluate"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_what_could_be(entries, code, said):
    with pytest.raises(UserError, match=said) as caught:
        choose_methods(entries, TRACKED)
    assert caught.value.code == code
