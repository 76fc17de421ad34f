import pandas as pd
import pytest
from constructed_scores import make_scores
from hypothesis import given
from hypothesis import strategies as st
from made_runs import BICUBIC, CARN, LEAN, make_run, make_tracked

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.runs.methods import choose_methods, shortened

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


def with_origins(**origins):
    """Return scores of networks with origins; the higher the later."""
    values = {name: [30.0 + n, 31.0 + n] for n, name in enumerate(origins)}
    table = make_scores({"bicubic": [40.0, 41.0], **values}, trained=tuple(origins))
    return table.assign(origin=[origins.get(name, "") for name in table["method"]])


OWN = make_tracked(
    [
        (make_run("aaaa", "carn", model="carn"), with_origins(carn="", gan="", lean="shipped")),
        (make_run("bbbb", "evaluate"), with_origins(carn="", lean="shipped")),
        (make_run("cccc", "old+train_gan"), with_origins(gan="", carn="", lean="shipped")),
        (make_run("dddd", "unet", model="unet", scored_in="eeee"), None),
        (make_run("eeee", "evaluate"), with_origins(unet="", lean="shipped, may have seen them")),
        (make_run("ffff", "shipped 1"), with_origins(carn="shipped", lean="shipped")),
        (make_run("gggg", "shipped 2"), with_origins(lean="shipped")),
        (
            make_run("hhhh", "told", model="lean"),
            with_origins(**{"lean, estimated": "", "gan": ""}),
        ),
    ]
)


@pytest.mark.parametrize(
    ("entry", "method", "remark"),
    [
        ("aaaa", "carn", "its own network"),  # though another one is better
        ("bbbb", "carn", "its own network"),
        ("cccc", "gan", "its own network"),  # a run of an earlier version, by its name
        ("dddd", "unet", "scored by run evaluate (eeee); its own network"),
        ("ffff", "lean", "best of its 2 trained methods by mean PSNR"),
        ("hhhh", "lean, estimated", "its own network"),
    ],
)
def test_a_run_stands_for_the_network_that_it_trained(entry, method, remark):
    one, _ = choose_methods([entry, "aaaa/bicubic"], OWN)
    assert (one.method, one.remark) == (method, remark)


def test_a_shipped_network_is_not_compared_with_itself_unless_asked_for():
    with pytest.raises(UserError, match="both would show the shipped lean") as caught:
        choose_methods(["ffff", "gggg"], OWN)
    assert caught.value.code == "runs-trained-nothing"
    assert len(choose_methods(["ffff/lean", "gggg/lean"], OWN)) == 2
    assert len(choose_methods(["ffff", "aaaa"], OWN)) == 2


def test_a_run_that_stands_for_its_own_network_is_called_by_its_name():
    labels = [one.label for one in choose_methods(["aaaa", "dddd", "bbbb/bicubic"], OWN)]
    assert labels == ["carn", "unet", "evaluate/bicubic"]
    labels = [one.label for one in choose_methods(["aaaa", "aaaa/gan", "dddd"], OWN)]
    assert labels == ["carn/carn", "carn/gan", "unet"]


@given(st.lists(st.lists(st.sampled_from(["a", "b=1", "b=2", "c=3"]), min_size=1), min_size=2))
def test_names_stay_different_without_the_words_that_all_share(words):
    names = [" ".join(own) for own in words]
    short = shortened(names)
    assert len(set(short)) == len(set(names))
    assert all(
        set(one.split()) <= set(name.split()) for one, name in zip(short, names, strict=True)
    )


def test_names_are_told_apart_by_what_differs():
    assert shortened(["carn steps=6", "carn steps=6 lr=1", "lean steps=6"]) == [
        "carn",
        "carn lr=1",
        "lean",
    ]
    assert shortened(["carn steps=6", "carn steps=6"]) == ["carn", "carn"]
