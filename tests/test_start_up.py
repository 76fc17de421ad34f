"""Commands that have nothing to do wait for no heavy import."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import random_pixels

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.store import require_store, write_store


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
