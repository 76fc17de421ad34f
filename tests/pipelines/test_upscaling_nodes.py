import sys
from pathlib import Path

import pytest

from sen2naip_sr.errors import UserError
from sen2naip_sr.pipelines.upscaling.nodes import calibrate_intervals, upscale_scenes
from sen2naip_sr.upscaling.parameters import make_parameters
from sen2naip_sr.weights.files import load_weights
from sen2naip_sr.weights.shipped import load_shipped

sys.path.insert(0, str(Path(__file__).parents[1] / "upscaling"))

from tiny_weights import write_weights


@pytest.fixture
def scenes(tmp_path, make_geotiff):
    for number in range(2):
        make_geotiff(tmp_path / "scenes" / f"{number}.tif", size=24, seed=number)
    return tmp_path / "scenes"


@pytest.fixture
def weights(tmp_path):
    return write_weights(tmp_path / "weights.safetensors")


def test_scenes_are_upscaled_with_the_weights_of_the_catalog(scenes, weights):
    parameters = make_parameters(source=str(scenes), tile=16)
    table, metrics = upscale_scenes(parameters, lean=load_weights(weights), carn=None)
    assert table["state"].tolist() == ["done", "done"]
    assert table["width"].tolist() == [48, 48]
    assert metrics["scenes_done"] == {"step": 0, "value": 2}
    assert metrics["megapixels_per_second"]["value"] > 0
    again, metrics = upscale_scenes(parameters, lean=load_weights(weights), carn=None)
    assert again["state"].tolist() == ["skipped", "skipped"]
    assert "megapixels_per_second" not in metrics


def test_a_file_of_weights_comes_before_the_catalog_s(scenes, weights):
    parameters = make_parameters(source=str(scenes), weights=weights, tile=16)
    table, _ = upscale_scenes(parameters, lean=None)
    assert table["state"].tolist() == ["done", "done"]


def test_only_if_all_scenes_fail_the_run_does(scenes, weights):
    parameters = make_parameters(source=str(scenes), weights=weights, tile=16)
    (scenes / "0.tif").write_bytes(b"")
    table, metrics = upscale_scenes(parameters)
    assert table["state"].tolist() == ["failed", "done"]
    assert metrics["scenes_failed"]["value"] == 1
    (scenes / "1.tif").write_bytes(b"")
    with pytest.raises(UserError, match="no scene could be upscaled"):
        upscale_scenes(parameters)


def test_names_of_shipped_weights_are_models_too(scenes, weights):
    parameters = make_parameters(source=str(scenes), tile=16)
    assert parameters.model == "default"
    table, _ = upscale_scenes(parameters, lean=load_weights(weights))
    assert table["state"].tolist() == ["done", "done"]


@pytest.mark.parametrize("weights", [None, "shipped"])
def test_only_weights_that_were_trained_here_are_calibrated(weights):
    given = load_shipped("lean") if weights else None
    with pytest.raises(UserError, match="no weights have been trained here"):
        calibrate_intervals(None, None, given)
