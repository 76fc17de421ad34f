"""Commands that have nothing to do wait for no heavy import."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import random_pixels

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.store import require_store, write_store
from sen2naip_sr.cli.deferred import PLUGIN, defer_mlflow


def imported(code, *arguments):
    """Run code in a fresh interpreter; return the top-level modules that it imported."""
    code += "; import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("hooks", {"torch", "sklearn", "scipy", "matplotlib", "rasterio", "mlflow", "pandas"}),
        ("datasets", {"torch", "sklearn", "scipy", "matplotlib", "mlflow"}),
        ("pipelines.parameters", {"torch", "sklearn", "scipy", "matplotlib", "rasterio"}),
        ("sources.ingest", {"torch", "sklearn", "scipy", "matplotlib", "huggingface_hub"}),
        ("pipelines.summary", {"torch", "sklearn", "scipy", "matplotlib"}),
    ],
)
def test_what_every_command_imports_is_light(module, unwanted):
    assert imported(f"import sen2naip_sr.{module}") & unwanted == set()


def test_a_store_that_is_current_is_left_alone_without_torch(tmp_path):
    with write_store(tmp_path / "hr", "made", (4, 8, 8), np.dtype("uint8")) as writer:
        writer.append(random_pixels(4, 8))
    Downscaling(require_store(tmp_path / "hr"), "area", 5).make(tmp_path / "lr")
    manifest = tmp_path / "lr" / "manifest.json"
    before = manifest.stat()
    code = (
        "import sys; from sen2naip_sr.datasets import StoreDataset;"
        "from sen2naip_sr.pipelines.preprocessing.nodes import plan_downscaling;"
        "from sen2naip_sr.chips.parameters import PreprocessingParameters;"
        "hr, lr = (StoreDataset(filepath=path) for path in sys.argv[1:]);"
        "parameters = PreprocessingParameters(recipe='area', seed=5);"
        "lr.save(plan_downscaling(hr.load(), parameters))"
    )
    modules = imported(code, tmp_path / "hr", tmp_path / "lr")
    after = manifest.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    assert "torch" not in modules


def test_a_list_of_pipelines_waits_for_no_plugin(copy_project, tmp_path):
    project = copy_project(tmp_path / "project")
    code = (
        "import os, sys; os.chdir(sys.argv[1]); sys.argv = ['kedro', 'registry', 'list'];"
        "from kedro.framework.cli.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "0"
    )
    modules = imported(code, project)
    assert "train_carn" in modules, "the pipelines are listed"
    assert modules & {"mlflow", "pandas", "torch", "fastapi", "rasterio", "sklearn"} == set()


def test_commands_of_mlflow_are_there_when_they_are_used(monkeypatch):
    monkeypatch.delitem(sys.modules, PLUGIN, raising=False)
    defer_mlflow()
    group = sys.modules[PLUGIN].commands
    assert group.list_commands(None) == ["mlflow"]
    command = group.get_command(None, "mlflow")
    assert command is sys.modules[PLUGIN].mlflow_commands
    assert command.name == "mlflow"
