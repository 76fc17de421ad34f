import re
import subprocess
import sys
import warnings

import pytest
from kedro.pipeline import Pipeline

from sen2naip_sr.models.networks import NETWORKS
from sen2naip_sr.pipeline_registry import register_pipelines
from sen2naip_sr.pipelines.experiments import EXPERIMENTS

PIPELINES = register_pipelines()
HEAVY = (
    "torch",
    "sklearn",
    "scipy",
    "matplotlib",
    "huggingface_hub",
    "rasterio",
    "mlflow",
    "optuna",
)


def test_names_are_those_of_the_documentation():
    networks = {f"{do}_{name}" for name in NETWORKS for do in ("train", "calibrate")}
    others = {
        "ingest",
        "preprocess",
        "evaluate",
        "evaluate_pairs",
        "evaluate_test_sets",
        "upscale",
        "explain",
        "compare",
        "report",
        "federate",
        "label_tasks",
        "label_results",
        "__default__",
    }
    compared = ("architectures", "degradations", "losses", "optimizers", "schedules")
    comparisons = {f"compare_{what}" for what in compared}
    assert set(PIPELINES) == others | networks | set(EXPERIMENTS) | comparisons | {
        "tune",
        "federate",
    }


def test_default_runs_everything_in_order():
    nodes = [node.name for node in PIPELINES["__default__"].nodes]
    order = [
        "ingestion.ingest",
        "preprocessing.downscale",
        "training.train_lean",
        "evaluation.collect_methods",
        "evaluation.compare",
        "evaluation.show_examples",
    ]
    assert [name for name in nodes if name in order] == order
    parts = ("ingest", "preprocess", "train_lean", "evaluate")
    every = {node for name in parts for node in PIPELINES[name].nodes}
    assert set(PIPELINES["__default__"].nodes) == every


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_needs_nothing_that_it_does_not_make(name):
    # but parameters, the places of a training and of an experiment's trainings, the weights that
    # evaluation finds or not, and the runs that are there to be compared
    needed = PIPELINES[name].inputs()
    assert all(
        re.match(r"params:|\w+\.(checkpoint|folder|weights|trainings)$|tracked_runs$", item)
        for item in needed
    ), needed


@pytest.mark.parametrize("node", PIPELINES["__default__"].nodes, ids=lambda node: node.name)
def test_nodes_have_readable_names_and_tags(node):
    assert re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)*", node.name)
    assert node.namespace in node.tags & {"ingestion", "preprocessing", "training", "evaluation"}
    assert node.func.__doc__


@pytest.mark.parametrize("name", PIPELINES)
def test_every_node_is_in_a_box_and_boxes_follow_one_another(name):
    with warnings.catch_warnings():
        # Kedro warns of a box whose nodes are before and after those of another
        warnings.filterwarnings("error", message="Namespace")
        boxes = Pipeline(PIPELINES[name].nodes).group_nodes_by("namespace")
    assert {box.type for box in boxes} == {"namespace"}
    assert len(boxes) <= 4


@pytest.mark.parametrize("name", PIPELINES)
def test_boxes_change_no_name_of_data_or_parameters(name):
    # a dataset <box>.<name> would be one that the box has renamed, but for an experiment's own
    boxes = {node.namespace for node in PIPELINES[name].nodes} - {name}
    names = {item.removeprefix("params:") for item in PIPELINES[name].datasets()}
    assert not boxes & {item.partition(".")[0] for item in names if "." in item}


def test_listing_pipelines_imports_nothing_that_takes_seconds():
    code = (
        "import sys; from sen2naip_sr import settings;"
        "from sen2naip_sr.pipeline_registry import register_pipelines; register_pipelines();"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
