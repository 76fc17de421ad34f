"""What is typed and does not exist is refused, with the nearest name, for every kind of option."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro_datasets.json import JSONDataset

from sen2naip_sr.cli.environments import check_environment
from sen2naip_sr.cli.inputs import require_inputs
from sen2naip_sr.cli.options import SELECTIONS, check_pipelines, check_selection, check_versions
from sen2naip_sr.cli.runners import USABLE, check_runner
from sen2naip_sr.errors import UserError
from sen2naip_sr.pipeline_registry import register_pipelines

KNOWN = register_pipelines()
ENVIRONMENTS = ("base", "local", "naip", "places", "sen2naip", "shipped", "test")
NAMES = {
    option: sorted({name for pipeline in KNOWN.values() for name in names(pipeline)})
    for option, (_kind, names) in SELECTIONS.items()
}
CHANGES = st.sampled_from(["drop", "double", "swap", "replace"])


@pytest.fixture(scope="module")
def conf(tmp_path_factory):
    folder = tmp_path_factory.mktemp("conf")
    for name in ENVIRONMENTS:
        (folder / name).mkdir()
    (folder / "logging.yml").touch()
    return folder


def mistyped(name, change, at):
    """Return a name with one typing error."""
    at %= len(name)
    return {
        "drop": name[:at] + name[at + 1 :],
        "double": name[:at] + 2 * name[at] + name[at + 1 :],
        "swap": name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
        "replace": name[:at] + "q" + name[at + 1 :],
    }[change]


def refused(act, *arguments):
    with pytest.raises(UserError) as caught:
        act(*arguments)
    return caught.value


@pytest.mark.parametrize("option", SELECTIONS)
@given(data=st.data(), change=CHANGES, at=st.integers(0, 50))
def test_a_mistyped_name_is_refused_with_a_near_one(option, data, change, at):
    name = data.draw(st.sampled_from(NAMES[option]))
    typed = mistyped(name, change, at)
    assume(typed and typed not in NAMES[option])
    pipelines = [key for key, pipeline in KNOWN.items() if name in SELECTIONS[option][1](pipeline)]
    error = refused(check_selection, {option: (typed,), "pipelines": pipelines[:1]}, KNOWN)
    assert error.code == "unknown-name"
    assert f"unknown {SELECTIONS[option][0]} '{typed}'" in error.problem
    assert name in error.problem.partition("Valid names: ")[2].split(", ")
    if len(typed) > 3:
        assert "did you mean" in error.problem


@pytest.mark.parametrize("option", SELECTIONS)
@given(data=st.data())
def test_a_name_of_the_pipeline_passes(option, data):
    pipeline = data.draw(st.sampled_from(sorted(KNOWN)))
    names = sorted(set(SELECTIONS[option][1](KNOWN[pipeline])))
    if option in {"from_inputs", "to_outputs"}:
        # only what the pipeline takes leads to a node, only what it makes comes from one
        every = KNOWN[pipeline]
        names = sorted({n for node in every.nodes for n in getattr(node, option.partition("_")[2])})
    check_selection({option: (data.draw(st.sampled_from(names)),), "pipelines": [pipeline]}, KNOWN)


@given(name=st.sampled_from(sorted(KNOWN)), change=CHANGES, at=st.integers(0, 50))
@pytest.mark.parametrize("option", ["pipeline", "pipelines"])
@pytest.mark.parametrize("listed", [True, False])
def test_pipelines_are_checked_as_every_command_gives_them(option, listed, name, change, at):
    typed = mistyped(name, change, at)
    assume(typed not in KNOWN)
    for given_name, fails in ((typed, True), (name, False)):
        options = {option: [given_name] if listed else given_name}
        if fails:
            assert "did you mean" in refused(check_selection, options, KNOWN).problem
        else:
            check_selection(options, KNOWN)


def test_an_unknown_pipeline_is_refused_with_the_nearest_name():
    check_pipelines(["evaluate", "ingest"], ["ingest", "evaluate"])
    error = refused(check_pipelines, ["ingest", "train_cran"], ["ingest", "train_carn"])
    assert "pipeline 'train_cran': did you mean 'train_carn'?" in error.problem


def test_a_name_of_another_pipeline_says_which():
    error = refused(check_selection, {"node_names": ("training.train_carn",)}, KNOWN)
    assert error.code == "not-in-pipeline"
    assert error.problem.endswith("but in: train_carn")
    assert refused(check_selection, {"tags": ("carn",)}, KNOWN).code == "not-in-pipeline"


@pytest.mark.parametrize(
    "options",
    [
        {"tags": ("training",), "node_names": ("ingestion.ingest",)},
        {"tags": ("evaluation",), "to_nodes": ("training.train_lean",)},
        {"from_inputs": ("scores",), "to_outputs": ("lr",)},
        {"from_nodes": ("evaluation.compare",), "namespaces": ("ingestion",)},
        {"from_inputs": ("gallery",)},
        {"to_outputs": ("params:ingestion",)},
    ],
)
def test_a_selection_of_nothing_is_refused(options):
    error = refused(check_selection, options, KNOWN)
    assert error.code == "nothing-selected"
    assert all(name in error.problem for names in options.values() for name in names)


@given(name=st.sampled_from(ENVIRONMENTS), change=CHANGES, at=st.integers(0, 50))
def test_a_mistyped_environment_is_refused(conf, name, change, at):
    typed = mistyped(name, change, at)
    assume(typed not in ENVIRONMENTS)
    error = refused(check_environment, typed, conf)
    assert f"environment '{typed}'" in error.problem
    assert error.problem.endswith(", ".join(ENVIRONMENTS))
    check_environment(name, conf)


def test_files_beside_environments_are_none_and_the_variable_counts(conf, monkeypatch):
    assert refused(check_environment, "logging.yml", conf).code == "unknown-environment"
    monkeypatch.setenv("KEDRO_ENV", "nap")
    assert "did you mean 'naip'?" in refused(check_environment, None, conf).problem
    check_environment("test", conf)


@pytest.mark.parametrize("name", [None, *USABLE, "kedro.runner.ThreadRunner"])
def test_runners_that_work_pass(name):
    check_runner(name, {})
    check_runner(name, {"is_async": False})


@pytest.mark.parametrize("name", ["ParallelRunner", "kedro.runner.ParallelRunner"])
def test_the_parallel_runner_says_why_not(name):
    error = refused(check_runner, name)
    assert "share networks in memory and one MLflow run" in error.problem
    assert "ThreadRunner" in error.remedy


@given(name=st.sampled_from([*USABLE, "ParallelRunner"]), change=CHANGES, at=st.integers(0, 50))
def test_a_mistyped_runner_is_refused(name, change, at):
    typed = mistyped(name, change, at)
    assume(typed not in {*USABLE, "ParallelRunner"})
    assert f"did you mean '{name}'?" in refused(check_runner, typed).problem


@pytest.mark.parametrize(
    "name", ["run_node", "kedro.nowhere.Runner", "os.path", "", "os.getcwd", ".", "a b", "9"]
)
def test_what_is_no_runner_is_refused(name):
    if name:
        assert refused(check_runner, name).code == "unknown-runner"
    else:
        check_runner(name)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        (None, {"max": 3}),
        ("SequentialRunner", {"max_workers": 2}),
        ("ThreadRunner", {"max_workers": -1}),
        ("ThreadRunner", {"max_workers": "many"}),
    ],
)
def test_parameters_that_a_runner_does_not_take_are_refused(name, parameters):
    assert refused(check_runner, name, parameters).code == "runner-parameters-invalid"


def test_versions_are_refused_rather_than_ignored():
    check_versions(None)
    check_versions({})
    assert "'scores'" in refused(check_versions, {"scores": "2018"}).problem


def made_pipeline():
    return Pipeline(
        [
            Node(lambda: 1, None, "memory", name="first"),
            Node(lambda: 1, None, "file", name="second"),
            Node(lambda: 1, None, "net.weights", name="third"),
            Node(lambda *_: 1, ["memory", "file", "net.weights"], "end", name="last"),
        ]
    )


def test_a_part_names_the_nodes_that_make_what_it_lacks(tmp_path):
    datasets = {
        "memory": MemoryDataset(),
        "file": JSONDataset(filepath=str(tmp_path / "file.json")),
        "net.weights": JSONDataset(filepath=str(tmp_path / "weights.json")),
    }
    catalog, whole = DataCatalog(datasets), made_pipeline()
    require_inputs(whole, whole, catalog)
    require_inputs(whole.filter(node_names=["first"]), whole, catalog)
    error = refused(require_inputs, whole.filter(from_nodes=["last"]), whole, catalog)
    assert "'file' (not made yet), 'memory' (kept in memory only)" in error.problem
    assert error.remedy.endswith(": second, first")
    catalog.save("file", {})
    error = refused(require_inputs, whole.filter(from_nodes=["last"]), whole, catalog)
    assert error.remedy.endswith(": first")
