"""What runs are called, and which experiment they belong to."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipeline_registry import register_pipelines
from sen2naip_sr.tracking.experiments import ABOUT
from sen2naip_sr.tracking.naming import (
    KINDS,
    NAME_LENGTH,
    RunName,
    changes,
    kind_of,
    subject_of,
)

PIPELINES = register_pipelines()


def made(*typed):
    return sum((PIPELINES[name] for name in typed), Pipeline([]))


@pytest.mark.parametrize(
    ("typed", "kind", "subject"),
    [
        (["train_carn"], "training", "carn"),
        (["train_carn", "evaluate"], "training", "carn"),
        (["evaluate", "train_carn"], "training", "carn"),
        (["train_lean", "train_carn"], "training", "carn+lean"),
        (["__default__"], "training", "lean"),
        (["evaluate"], "evaluation", "evaluate"),
        (["evaluate_test_sets"], "evaluation", "evaluate_test_sets"),
        (["evaluate_pairs", "evaluate"], "evaluation", "evaluate+evaluate_pairs"),
        (["compare"], "comparison", "compare"),
        (["compare_losses"], "experiments", "compare_losses"),
        (["cross_validate"], "experiments", "cross_validate"),
        (["tune"], "experiments", "tune"),
        (["explain"], "explanation", "explain"),
        (["upscale"], "upscaling", "upscale"),
        (["calibrate_lean"], "calibration", "calibrate_lean"),
        (["preprocess"], None, "preprocess"),
    ],
)
def test_kind_and_subject_follow_from_what_runs(typed, kind, subject):
    pipeline = made(*typed)
    assert (kind_of(pipeline), subject_of(pipeline, typed)) == (kind, subject)


def test_every_pipeline_that_makes_more_than_chips_has_a_kind():
    without = {name for name, pipeline in PIPELINES.items() if kind_of(pipeline) is None}
    assert without == {"ingest", "preprocess"}
    assert set(ABOUT) == set(KINDS.values())


def name(typed, parameters=None, *, conf, environment="local"):
    pipeline = made(*typed)
    found = changes(pipeline, conf, environment, parameters)
    return str(RunName(subject_of(pipeline, typed), found))


def test_names_say_the_network_and_what_was_changed(tmp_path):
    def named(typed, **parameters):
        return name(typed, parameters, conf=tmp_path)

    training = {"learning_rate": 0.002, "steps": 100, "patience": None}
    assert named(["train_carn"], carn={"training": training}) == (
        "carn lr=0.002 steps=100 patience=null"
    )
    data = {"source": "directory", "path": "/home/somebody/my scenes"}
    assert named(["train_carn"], ingestion=data) == "carn source=directory path=my scenes"
    # what the run does not read, or what says nothing of the weights
    assert named(["train_carn"], lean={"training": training}) == "carn"
    assert named(["train_carn", "evaluate"], evaluation={"chips": 5}) == "carn"
    assert named(["evaluate"], evaluation={"chips": 5}) == "evaluate chips=5"
    assert named(["compare"], runs=["a", "b"], comparing={"metric": "sam"}) == "compare metric=sam"


def test_changes_of_the_same_name_keep_their_path(tmp_path):
    parameters = {
        "carn": {"training": {"seed": 1}},
        "preprocessing": {"splits": {"seed": 2}},
    }
    assert name(["train_carn"], parameters, conf=tmp_path) == (
        "carn carn.training.seed=1 preprocessing.splits.seed=2"
    )


def test_files_of_the_users_own_count_as_changes_and_the_command_line_overrides_them(tmp_path):
    local = tmp_path / "local"
    local.mkdir()
    (local / "parameters_carn.yml").write_text("carn: {training: {steps: 7, batch_size: 4}}")
    (local / "parameters_bad.yml").write_text("carn: {training: [")
    (local / "mlflow.yml").write_text("carn: {training: {seed: 7}}")
    typed = {"carn": {"training": {"steps": 9}}}
    assert name(["train_carn"], typed, conf=tmp_path) == "carn steps=9 batch_size=4"
    assert name(["train_carn"], typed, conf=tmp_path, environment=None) == "carn steps=9"


def test_an_environment_stands_once_in_the_name_of_an_evaluation():
    trained = RunName("carn", {"carn.training.learning_rate": 0.002}, "naip")
    assert str(trained) == "carn lr=0.002 (naip)"
    evaluated = RunName("evaluate", {"evaluation.chips": 5}, "naip").of(str(trained))
    assert str(evaluated) == "evaluate carn lr=0.002 chips=5 (naip)"


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text()),
    st.dictionaries(st.text(), st.integers()),
)  # fmt: skip


PATHS = st.from_regex(r"[a-z_]{1,20}(\.[a-z_]{1,20}){0,3}", fullmatch=True)


@settings(max_examples=30)
@given(st.dictionaries(PATHS, VALUES, max_size=30))
def test_names_are_short_lines(found):
    text = str(RunName("carn", found))
    assert text.isprintable()
    assert len(text) <= NAME_LENGTH
    assert text.startswith("carn ") if found else text == "carn"


def test_a_long_name_is_cut_at_a_change():
    found = {f"carn.training.parameter_{number}": number for number in range(30)}
    text = str(RunName("carn", found))
    assert len(text) <= NAME_LENGTH
    shown = text.split()[1:-1]
    assert shown == [f"parameter_{number}={number}" for number in range(len(shown))]
    assert text.rsplit(maxsplit=1)[-1] == f"+{30 - len(shown)}"


def test_a_pipeline_of_somebody_else_has_no_kind():
    assert kind_of(Pipeline([Node(len, "a", "b", name="somebody_elses")])) is None
