"""A run's model, opened and served by MLflow, gives the pixels of the command line."""

import mlflow
import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from mlflow import MlflowClient

from sen2naip_sr.command import main

# what libraries say while they are imported
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def address(finished_project):
    """The address of the registered model of the finished run."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{finished_project}/mlflow.db")
    yield "models:/sen2naip_sr-lean@newest"
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def scene(finished_project, tmp_path_factory, make_geotiff):
    """An image, and what the command makes of it with the run's weights."""
    folder = tmp_path_factory.mktemp("scene")
    pixels = np.random.default_rng(0).integers(60, 180, (4, 40, 36), dtype=np.uint8)
    source = make_geotiff(folder / "scene.tif", pixels)
    weights = finished_project / "data/06_models/lean/weights.safetensors"
    options = ["--weights", str(weights), "--device", "cpu", "--output", str(folder / "x2.tif")]
    done = CliRunner().invoke(main, ["upscale", str(source), *options])
    assert done.exit_code == 0, done.output
    with rasterio.open(folder / "x2.tif") as upscaled:
        return pixels, upscaled.read()


def test_the_loaded_model_gives_the_pixels_of_the_command(address, scene):
    pixels, expected = scene
    (upscaled,) = mlflow.pyfunc.load_model(address).predict(pixels[None])
    assert upscaled.dtype == np.uint8
    np.testing.assert_array_equal(upscaled, expected)


def test_the_server_of_mlflow_answers_with_the_pixels_of_the_command(address, scene):
    from fastapi.testclient import TestClient
    from mlflow.pyfunc.scoring_server import init

    pixels, expected = scene
    client = TestClient(init(mlflow.pyfunc.load_model(address)))
    answer = client.post("/invocations", json={"inputs": pixels[None].tolist()})
    assert answer.status_code == 200, answer.text
    np.testing.assert_array_equal(np.array(answer.json()["predictions"])[0], expected)


def test_what_does_not_fit_the_signature_is_refused(address):
    from fastapi.testclient import TestClient
    from mlflow.pyfunc.scoring_server import init

    client = TestClient(init(mlflow.pyfunc.load_model(address)))
    answer = client.post("/invocations", json={"inputs": [[[[0, 1], [2, 3]]]]})
    assert answer.status_code == 400


def test_the_registered_version_has_a_card_and_the_run(address, finished_project):
    client = MlflowClient()
    version = client.get_model_version_by_alias("sen2naip_sr-lean", "newest")
    assert int(version.version) == 1
    assert client.get_run(version.run_id).info.run_name == "lean (test)"
    for part in ("trained on", "generated landscapes", "bicubic_antialiased@1", "validation PSNR"):
        assert part in version.description
