"""The catalog and the pipelines fit each other."""

from contextlib import chdir
from pathlib import Path

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from sen2naip_sr.evaluation.figures.gallery import DPI
from sen2naip_sr.pipeline_registry import register_pipelines

# what libraries say while they are imported
pytestmark = pytest.mark.filterwarnings("ignore")

LAYERS = {"raw", "intermediate", "model_input", "models", "model_output", "reporting"}
FILELESS = {
    "methods",
    "test_set_networks",
    "upscaling_metrics",
    "explain.metrics",
    "tracked_runs",
}
USED = {
    name
    for pipeline in register_pipelines().values()
    for name in pipeline.datasets()
    if not name.startswith("params:")
}

IN_MEMORY = {name for name in USED if name.endswith((".variations", ".outcomes"))} | {
    "methods",
    "test_set_networks",
}


@pytest.fixture(scope="module")
def project(copy_project, tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("catalog") / "project")


@pytest.fixture(scope="module")
def catalog(project):
    """The catalog of a fresh copy of the project."""
    with chdir(project):
        bootstrap_project(project)
        with KedroSession.create(project_path=project, env="test") as session:
            yield session.load_context().catalog


@pytest.mark.parametrize("name", sorted(USED))
def test_every_dataset_of_a_pipeline_is_in_the_catalog_and_can_be_made(name, catalog):
    entries = catalog.config_resolver
    assert name in entries.config or entries.match_dataset_pattern(name)
    assert catalog.get(name) is not None


def test_no_entry_is_unused(catalog):
    entries = catalog.config_resolver
    assert {name for name in entries.config if not name.startswith("param")} <= USED
    matched = {entries.match_dataset_pattern(name) for name in USED - set(entries.config)}
    of_kedro = {"{default}"}
    assert set(entries.list_patterns()) - of_kedro == matched


@pytest.mark.parametrize(
    "name", sorted(name for name in USED - FILELESS if not name.endswith(".setting"))
)
def test_every_file_lies_in_the_layer_that_it_is_shown_in(name, catalog, project):
    dataset = catalog.get(name)
    layer = dataset.metadata["kedro-viz"]["layer"]
    assert layer in LAYERS
    places = [getattr(dataset, key, None) for key in ("_filepath", "_path", "_folder")]
    (path,) = (Path(str(place)) for place in places if place is not None)
    assert path.relative_to(project / "data").parts[0].partition("_")[2] == layer


PREVIEWED = ["comparison", "places", "lean.history", "comparison_figure", "gallery"]


@pytest.mark.parametrize("name", PREVIEWED)
def test_tables_and_figures_have_previews(name, finished_project, catalog, project):
    inside = Path(str(catalog.get(name)._filepath)).relative_to(project)
    if not (project / inside).exists():
        (project / inside).parent.mkdir(parents=True, exist_ok=True)
        (project / inside).write_bytes((finished_project / inside).read_bytes())
    shown = catalog.get(name).preview()
    assert shown["data"] if isinstance(shown, dict) else len(shown) > 1000


def test_the_gallery_is_written_at_the_resolution_that_it_is_drawn_for(catalog):
    assert catalog.get("gallery")._dpi % DPI == 0
