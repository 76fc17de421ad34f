"""What Kedro-Viz shows after a run: boxes, previews, statistics, run status. No browser."""

import base64
import io
import json
from contextlib import chdir

import numpy as np
import pytest
from fastapi.testclient import TestClient
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro_viz.api.apps import create_api_app_from_project
from kedro_viz.server import load_and_populate_data
from PIL import Image

from sen2naip_sr.viz_hooks import EVENTS, STATISTICS, VizHooks

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def page(finished_project):
    """Return a function that gets an answer of the page's server."""
    with chdir(finished_project):
        bootstrap_project(finished_project)
        load_and_populate_data(finished_project, env="test")
        with TestClient(create_api_app_from_project(finished_project)) as client:
            yield lambda path: client.get(f"/api/{path}").json()


@pytest.fixture(scope="module")
def shown(page):
    """Return a function that gets what is shown of a dataset of the default pipeline."""
    nodes = page("pipelines/__default__")["nodes"]
    ids = {node["name"]: node["id"] for node in nodes if node["type"] == "data"}
    return lambda name: page(f"nodes/{ids[name]}")


def picture(answer):
    assert answer["preview_type"] == "ImagePreview"
    with Image.open(io.BytesIO(base64.b64decode(answer["preview"]))) as image:
        return np.asarray(image.convert("RGB"))


def test_pipelines_are_collapsed_to_boxes(page):
    answer = page("pipelines/__default__")
    boxes = answer["modular_pipelines"]
    assert set(boxes) - {"__root__"} == {"ingestion", "preprocessing", "training", "evaluation"}
    outside = {child["type"] for child in boxes["__root__"]["children"]}
    assert outside == {"modularPipeline", "data", "parameters"}
    experiment = page("pipelines/compare_losses")["modular_pipelines"]
    assert set(experiment) - {"__root__"} == {"ingestion", "preprocessing", "compare_losses"}


@pytest.mark.parametrize("name", ["hr", "lr"])
def test_a_store_shows_its_chips_and_how_many_there_are(name, shown, finished_project):
    answer = shown(name)
    assert len(np.unique(picture(answer).reshape(-1, 3), axis=0)) > 1000
    layer = {"hr": "02_intermediate", "lr": "05_model_input"}[name]
    files = list((finished_project / "data" / layer / name).iterdir())
    size = sum(file.stat().st_size for file in files)
    chips, bands = json.loads(files[0].with_name("manifest.json").read_text())["shape"][:2]
    assert answer["stats"] == {"rows": chips, "columns": bands, "file_size": size}


def test_weights_show_what_they_are(shown, finished_project):
    answer = shown("lean.weights")
    facts = dict(answer["preview"]["data"])
    assert answer["preview_type"] == "TablePreview"
    assert facts["network"] == "lean"
    assert facts["imagery"] == "synthetic"
    assert facts["training places"].startswith("3: synthetic-")
    size = (finished_project / "data/06_models/lean/weights.safetensors").stat().st_size
    assert answer["stats"] == {"file_size": size}


def test_weights_that_are_not_trained_here_are_the_shipped_ones(shown):
    answer = shown("unet.weights")
    assert dict(answer["preview"]["data"])["network"] == "unet, shipped with the project"
    assert answer["stats"]["file_size"] > 100_000


def test_a_history_shows_its_curves(shown):
    answer = shown("lean.history")
    assert picture(answer).std() > 1
    assert set(answer["stats"]) == {"rows", "columns", "file_size"}


def test_texts_are_shown_as_they_are(shown):
    answer = shown("by_place_page")
    assert answer["preview_type"] == "HTMLPreview"
    assert "| lanczos | " in answer["preview"]


def test_the_status_of_every_step_is_shown_with_the_size_of_folders(page, shown):
    status = page("run-status")
    ids = {n["id"] for n in page("pipelines/__default__")["nodes"] if n["type"] == "task"}
    assert set(status["nodes"]) == ids
    assert {node["status"] for node in status["nodes"].values()} == {"success"}
    sizes = {data["name"]: data["size"] for data in status["datasets"].values()}
    assert sizes["hr"] == shown("hr")["stats"]["file_size"]
    assert sizes["lr"] == shown("lr")["stats"]["file_size"]


@pytest.fixture
def finish_run(tmp_path):
    """Return a function that finishes a run with a text ``it``; Kedro-Viz has written a file."""

    def finish(written):
        path = tmp_path / "it.txt"
        entry = {"type": "sen2naip_sr.datasets.TextDataset", "filepath": str(path)}
        hooks = VizHooks()
        hooks.before_pipeline_run({"project_path": str(tmp_path)})
        path.write_text("four")
        for name, content in written.items():
            (tmp_path / ".viz").mkdir(exist_ok=True)
            (tmp_path / ".viz" / name).write_text(content)
        pipeline = Pipeline([Node(lambda x: x, "params:x", "it", name="make")])
        hooks.after_pipeline_run(pipeline, DataCatalog.from_config({"it": entry}))
        return json.loads((tmp_path / ".viz" / STATISTICS).read_text())

    return finish


def test_a_run_does_not_fail_where_its_statistics_cannot_be_written(tmp_path, caplog):
    (tmp_path / ".viz").write_text("no folder")
    hooks = VizHooks()
    hooks.before_pipeline_run({"project_path": str(tmp_path)})
    hooks.after_pipeline_run(Pipeline([]), DataCatalog())
    assert "No statistics for Kedro-Viz" in caplog.text


def test_statistics_of_earlier_runs_are_kept(finish_run):
    first = {"table": {"rows": 3, "columns": 2}, "it": {"file_size": 9}}
    assert finish_run({STATISTICS: json.dumps(first)}) == first | {"it": {"file_size": 4}}
    again = {"other": {"rows": 1}}
    assert finish_run({STATISTICS: json.dumps(again)}) == (
        {"table": {"rows": 3, "columns": 2}, "it": {"file_size": 4}} | again
    )


@pytest.mark.parametrize("damaged", ["", "{", "[]", "null", '"text"', "7"])
def test_damaged_files_of_kedro_viz_are_made_anew(damaged, finish_run):
    assert finish_run({STATISTICS: damaged, EVENTS: damaged}) == {"it": {"file_size": 4}}


def test_nothing_is_expected_of_kedro_viz(finish_run):
    assert finish_run({}) == {"it": {"file_size": 4}}
