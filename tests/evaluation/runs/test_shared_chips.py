import pytest
from constructed_scores import make_scores
from made_runs import CARN, LEAN, make_run, make_tracked

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.runs.methods import choose_methods
from sen2naip_sr.evaluation.runs.shared_chips import (
    describe_methods,
    require_same_data,
    shared_scores,
)


def methods(second=None, scores=None, first=None):
    tracked = make_tracked(
        [
            (make_run("aaaa", "one", **(first or {})), make_scores({"carn": CARN})),
            (
                make_run("bbbb", "two", **(second or {})),
                make_scores({"lean": LEAN}) if scores is None else scores,
            ),
        ]
    )
    return choose_methods(["one", "two"], tracked)


def shifted(by):
    scores = make_scores({"lean": LEAN})
    return scores.assign(chip=scores["chip"] + by)


def test_equal_data_may_be_compared_whatever_the_split():
    for both in (methods(), methods({"split_hash": "s2"})):
        require_same_data(both)
        assert set(shared_scores(both, "psnr")["label"]) == {c.label for c in both}


@pytest.mark.parametrize(
    ("tag", "said"), [("data_hash", "d1 and other"), ("recipe", "area@1 and other")]
)
def test_differing_data_is_refused_with_the_difference(tag, said):
    with pytest.raises(UserError, match=rf"one \(aaaa\) and two \(bbbb\) differ in {tag}.* {said}"):
        require_same_data(methods({tag: "other"}))


def test_data_that_is_not_recorded_is_no_equal_data():
    nothing = {"data_hash": None}
    with pytest.raises(UserError, match="none recorded and none recorded"):
        require_same_data(methods(nothing, first=nothing))


def test_methods_of_one_run_share_its_data_recorded_or_not():
    run = make_run("aaaa", data_hash=None)
    tracked = make_tracked([(run, {"carn": CARN, "lean": LEAN})])
    both = choose_methods(["aaaa/carn", "aaaa/lean"], tracked)
    require_same_data(both)
    assert [one.method for one in both] == ["carn", "lean"]


def test_only_chips_in_common_are_compared_and_counted():
    both = methods({"split_hash": "s2"}, shifted(1))
    scores = shared_scores(both, "psnr")
    assert list(scores) == ["label", "chip", "place", "location", "value"]
    assert scores.groupby("label")["chip"].agg(list).to_dict() == {
        "one/carn": [1, 2, 3],
        "two/lean": [1, 2, 3],
    }
    assert scores["value"].tolist() == CARN[1:] + LEAN[:3]
    # a chip is one piece of ground: the first run says where
    assert scores["location"].tolist() == ["l1", "l2", "l3"] * 2
    table = describe_methods(both, scores, "psnr").set_index("label")
    assert table.loc["two/lean", ["chips", "chips_compared"]].tolist() == [4, 3]
    assert table["split_hash"].tolist() == ["s1", "s2"]
    assert table.loc["one/carn", "psnr"] == pytest.approx(sum(CARN[1:]) / 3)


def test_no_shared_chip_is_refused():
    with pytest.raises(UserError, match=r"share no test chip \(split_hash s1 and s2"):
        shared_scores(methods({"split_hash": "s2"}, shifted(4)), "psnr")


def test_a_chip_that_was_scored_twice_is_refused():
    with pytest.raises(UserError, match=r"two \(bbbb\) scores a chip of lean more than once"):
        shared_scores(methods(scores=make_scores({"lean": LEAN}).assign(chip=1)), "psnr")


def test_a_metric_that_was_not_scored_is_refused():
    both = methods(scores=make_scores({"lean": LEAN}).drop(columns="sam"))
    with pytest.raises(UserError, match=r"two \(bbbb\) have no column 'sam'"):
        shared_scores(both, "sam")
