"""A seeded sample of what `python -m benchmarks.hostile` counts."""

import importlib.util
import sys
from pathlib import Path

import pytest
import rasterio

from sen2naip_sr import load_model
from sen2naip_sr.errors import UserError
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.sources.ingest import Ingestion
from sen2naip_sr.sources.parameters import IngestionParameters

ROOT = Path(__file__).parents[2]
NOWHERE = "127.0.0.1:9"


@pytest.fixture(scope="module")
def inputs():
    path = ROOT / "benchmarks" / "hostile" / "inputs.py"
    spec = importlib.util.spec_from_file_location("hostile_inputs", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model():
    return load_model("lean")


@pytest.fixture
def folders(tmp_path):
    for name in ("in", "scratch", "out"):
        (tmp_path / name).mkdir()
    return tmp_path


def attempt(act, *arguments, **options):
    """Return how it ended; what is neither success nor a refusal in words is a failure."""
    try:
        act(*arguments, **options)
    except UserError as error:
        assert error.problem
        assert error.remedy
        return "refused"
    return "worked"


def ingest(folders):
    given = {"path": str(folders / "in"), "chip_size": 32, "value_range": (0, 255)}
    parameters = IngestionParameters(source="directory", **given)
    Ingestion(DirectorySource(folders / "in"), parameters).make(folders / "out" / "store")


def check(model, folders):
    """Upscale and ingest what there is; return how often that worked or was refused."""
    ended = []
    before = {path.name for path in (folders / "in").iterdir()}
    for name in sorted(before):
        result = folders / "out" / "result.tif"
        ended.append(attempt(model.upscale, folders / "in" / name, result, overwrite=True))
        if result.exists():
            with rasterio.open(result) as made:
                assert made.read().shape[1:] == made.shape
    ended.append(attempt(ingest, folders))
    assert {path.name for path in (folders / "in").iterdir()} == before
    assert {path.name for path in (folders / "out").iterdir()} <= {"result.tif", "store"}
    return len(ended)


# 1064: a JPEG 2000 file whose structure GDAL searches without end
@pytest.mark.parametrize("seed", [*range(33), 1064])
def test_a_mutated_raster_is_refused_or_upscaled(inputs, model, folders, seed):
    inputs.mutated(folders / "in", seed, folders / "scratch")
    assert check(model, folders) == 2


@pytest.mark.parametrize("number", range(0, 200, 17))
def test_a_hostile_raster_is_refused_or_upscaled(inputs, model, folders, number):
    _, make = list(inputs.hostile(folders / "scratch"))[number]
    make(folders / "in", NOWHERE)
    assert check(model, folders) >= 1


@pytest.mark.parametrize("seed", range(10))
def test_damaged_weights_are_refused_or_loaded(inputs, folders, seed):
    inputs.damaged_weights(folders / "in" / "w.safetensors", seed)
    assert attempt(load_model, folders / "in" / "w.safetensors") in {"refused", "worked"}
