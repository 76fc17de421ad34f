"""Fixtures that several test files share."""

import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import settings
from kedro_command import KedroCommands
from rasterio.errors import NotGeoreferencedWarning

# how long an example takes says more about the machine than about the code
settings.register_profile("project", deadline=None)
settings.load_profile("project")

UTM = Affine(0.6, 0, 404_961.6, 0, -0.6, 3_766_234.8)


def random_pixels(bands, size, dtype="uint8", seed=0):
    """Return noise over the dtype's whole range (floats: 0 to 1), shape (bands, height, width)."""
    height, width = (size, size) if isinstance(size, int) else size
    random = np.random.default_rng(seed)
    if np.issubdtype(np.dtype(dtype), np.integer):
        limits = np.iinfo(dtype)
        shape = (bands, height, width)
        return random.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    return random.random((bands, height, width)).astype(dtype)


@pytest.fixture(scope="module")
def one_thread():
    """Let torch compute in one thread: what is compared bit for bit needs the same number."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def make_geotiff():
    """Write a small GeoTIFF of noise, or of the given pixels, and return its path."""

    def make(
        path,
        array=None,
        *,
        bands=4,
        size=64,
        dtype="uint8",
        crs="EPSG:26911",
        transform=UTM,
        nodata=None,
        seed=0,
        descriptions=None,
        **options,
    ):
        pixels = random_pixels(bands, size, dtype, seed) if array is None else np.asarray(array)
        path.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(
                path,
                "w",
                driver="GTiff",
                count=pixels.shape[0],
                height=pixels.shape[1],
                width=pixels.shape[2],
                dtype=pixels.dtype,
                crs=crs,
                transform=transform,
                nodata=nodata,
                **options,
            ) as target:
                target.write(pixels)
                for number, name in enumerate(descriptions or (), 1):
                    target.set_band_description(number, name)
        return path

    return make


ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def copy_project():
    """Copy the project's code and configuration, without data or runs, into a folder."""

    def copy(folder):
        for name in ("conf", "src"):
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        for name in ("pyproject.toml", ".telemetry"):
            shutil.copy(ROOT / name, folder / name)
        # a copy has no data that the environment must keep apart from
        (folder / "conf/test/globals.yml").unlink()
        return folder

    return copy


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """Return MLflow's database without runs, whose making takes seconds. Tests copy it."""
    from sen2naip_sr.tracking.database import prepare

    folder = tmp_path_factory.mktemp("database")
    prepare(folder / "mlflow.db", folder / "mlartifacts", {})
    return folder / "mlflow.db"


@pytest.fixture(scope="session")
def kedro():
    """Run the real command line, with tiny sizes, in a project folder."""
    commands = KedroCommands()

    def run(project, *arguments, env="test"):
        given = [*arguments, *([f"--env={env}"] if arguments[0] == "run" and env else [])]
        environment = {name: v for name, v in os.environ.items() if name != "KEDRO_ENV"}
        return commands(given, project, environment | {"COLUMNS": "120"})

    yield run
    commands.close()


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, copy_project, kedro):
    """Return a project after `kedro run`, and what that printed. Tests must not change it.

    Every tracker has recorded the run.
    """
    project = copy_project(tmp_path_factory.mktemp("finished") / "project")
    return project, kedro(project, "run", "--params=tracking=mlflow;tensorboard;wandb")


@pytest.fixture(scope="session")
def finished_project(finished_run):
    """Return a project after `kedro run`. Tests must not change it."""
    project, completed = finished_run
    assert completed.returncode == 0, completed.stderr
    return project
