"""Exports are read, and what people said is counted."""

import json

import numpy as np
import pandas as pd
import pytest
from made_labels import PSNR, answer, exported, honest, make_tasks

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.labelling import results
from sen2naip_sr.evaluation.labelling.answers import answers_in, read_export
from sen2naip_sr.evaluation.labelling.parameters import LabelParameters
from sen2naip_sr.pipelines.labelling.nodes import read_results


@pytest.fixture(scope="module")
def made():
    return make_tasks()


def test_the_order_of_honest_people_is_found(made):
    _, tasks, study, key = made
    said = answers_in(honest(tasks, study), key)
    table = results.table_of(said, results.strengths_of(said, 0.95))
    assert list(table["method"]) == sorted(PSNR, key=PSNR.get, reverse=True)
    assert (table["low"] < table["strength"]).all()
    against = results.metrics_against_people(said).set_index("metric")
    assert against.loc["psnr", "agrees"] > 0.75
    # its order of lean and carn is the wrong one, a third of the comparisons
    assert against.loc["lpips", "agrees"] < against.loc["psnr", "agrees"]


def test_repeated_tasks_show_whether_people_agree_with_themselves(made):
    _, tasks, study, key = made
    again = [one for one in tasks if one.repeats is not None]
    said = []
    for task in tasks:  # always the left side, whatever it shows
        said.append((task.number, 7, answer("left")))
    alike, twice = results.with_themselves(answers_in(exported(study, said), key))
    assert twice == len(again)
    assert alike == sum(one.left == tasks[one.repeats - 1].left for one in again)


def test_agreement_of_people_is_that_of_hand_counting(made):
    _, _, study, key = made
    pairs = [("left", "left"), ("left", "right"), ("right", "right"), ("right", "right")]
    said = [
        (task, person, answer(pairs[task - 1][person])) for task in range(1, 5) for person in (0, 1)
    ]
    alike, count, kappa = results.between_people(answers_in(exported(study, said), key))
    chance = (3 / 8) ** 2 + (5 / 8) ** 2
    assert (alike, count) == (3, 4)
    assert kappa == pytest.approx((0.75 - chance) / (1 - chance))


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (answer("left"), "left"),
        (answer(None, "tie"), "tie"),
        (answer("left", "tie"), "tie"),
        (answer("right", "both bad"), "both bad"),
    ],
)
def test_an_answer_of_two_parts_has_one_outcome(made, result, outcome):
    _, _, study, key = made
    (found,) = answers_in(exported(study, [(1, 1, result)]), key)["outcome"]
    assert found == outcome


def test_unfinished_and_cancelled_answers_do_not_count(made):
    _, _, study, key = made
    export = exported(study, [(1, 1, answer("left")), (2, 1, []), (3, 1, answer("right"))])
    export[2]["annotations"][0]["was_cancelled"] = True
    export.append({"data": {"task": 4, "study": study}, "annotations": []})
    assert list(answers_in(export, key)["task"]) == [1]


def test_the_short_export_says_the_same(made):
    _, _, study, key = made
    short = [
        {"task": 1, "study": study, "annotator": 1, "preference": [{"selected": "left"}]},
        {"task": 2, "study": study, "annotator": 1, "otherwise": "tie"},
        {
            **{"task": 3, "study": study, "annotator": 1, "preference": "right"},
            **{"flags_left": {"choices": ["ringing"]}, "imagery": "bad imagery"},
        },
    ]
    said = answers_in(short, key)
    assert list(said["outcome"]) == ["left", "tie", "right"]
    assert said["flags_left"].iloc[2] == ["ringing"]
    assert list(said["bad_chip"]) == [False, False, True]


def test_flags_are_counted_for_the_method_that_was_shown(made):
    _, tasks, study, key = made
    said = answers_in(exported(study, [(1, 1, answer("right", flags=["ringing"]))]), key)
    table = results.table_of(said, results.strengths_of(said, 0.95)).set_index("method")
    assert table["ringing"].to_dict() == {tasks[0].left: 1, tasks[0].right: 0}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "label-export-unreadable"),
        ('{"a": 1}', "label-export-unreadable"),
        ('[{"data": {"task": 1, "study": "other"}, "annotations": []}]', "label-export-foreign"),
        ('[{"data": {"image": "a.png"}, "annotations": []}]', "label-export-foreign"),
        ("[]", "labels-missing"),
    ],
)
def test_what_is_no_export_of_these_tasks_is_named(made, tmp_path, text, code):
    (tmp_path / "export.json").write_text(text)
    with pytest.raises(UserError) as caught:
        answers_in(read_export(tmp_path / "export.json"), made[3])
    assert caught.value.code == code


def test_the_node_reads_the_key_back_and_lists_bad_chips(made, tmp_path):
    _, tasks, study, key = made
    export = honest(tasks, study)
    export[0]["annotations"][0]["result"] += answer(bad=True)
    (tmp_path / "export.json").write_text(json.dumps(export))
    parameters = LabelParameters(export=str(tmp_path / "export.json"))
    with pytest.raises(UserError, match="there are no tasks"):
        read_results(tmp_path / "labels", parameters)
    (tmp_path / "labels").mkdir()
    key.to_csv(tmp_path / "labels/key.csv", index=False)
    table, findings, figure, bad = read_results(tmp_path / "labels", parameters)
    assert len(table) == 3
    assert "PSNR prefers what people preferred in" in findings
    assert "30 of 30 tasks were answered, 60 answers by 2 people" in findings
    assert len(figure.axes) == 1
    digest = key.set_index("task").loc[export[0]["data"]["task"], "digest"]
    assert bad[["digest", "flags"]].to_numpy().tolist() == [[digest, 1]]


def test_wilson_s_interval_is_the_published_one():
    # Newcombe 1998, table I: 81 of 263
    np.testing.assert_allclose(results.wilson(81, 263), (0.2553, 0.3662), atol=5e-5)


def test_without_an_export_or_a_server_it_says_so(tmp_path):
    pd.DataFrame({"study": ["a"], "digest": ["b"], "repeats": [None]}).to_csv(
        tmp_path / "key.csv", index=False
    )
    with pytest.raises(UserError, match="no export is given"):
        read_results(tmp_path, LabelParameters())
