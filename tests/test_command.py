"""The command ``sen2naip-sr`` as it is typed."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner

from sen2naip_sr import __version__
from sen2naip_sr.command import main
from sen2naip_sr.inference.speed import Speed
from sen2naip_sr.upscaling import catalogue
from sen2naip_sr.weights.names import shipped_names
from sen2naip_sr.weights.shipped import load_shipped


def run(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture
def scene(tmp_path, make_geotiff):
    return make_geotiff(tmp_path / "scene.tif", size=32)


def test_upscale_writes_beside_the_scene_and_says_what_it_did(scene):
    result = run("upscale", scene)
    assert result.exit_code == 0, result.output
    with rasterio.open(scene.with_name("scene_x2.tif")) as target:
        assert target.shape == (64, 64)
        weights = load_shipped("default")
        assert weights
        tags = target.tags()
    assert tags["SEN2NAIP_SR_WEIGHTS"] == weights.label
    assert tags["SEN2NAIP_SR_MODEL"] == "default"
    assert "estimated" in tags["SEN2NAIP_SR_NOISE"] or "assumed" in tags["SEN2NAIP_SR_NOISE"]
    assert "64 x 64 pixels, pixel 0.3, bounds 404961.6, 3766215.6" in result.output
    assert "megapixels a second" in result.output


def test_options_reach_the_result(scene, tmp_path):
    result = run(
        "upscale", scene, "-o", tmp_path / "out", "--model", "unet", "--tile", 16,
        "--bands", "3,2,1,4", "--range", "0:200", "--threads", 1,
        "--consistency", "on", "--ensemble", "--uncertainty",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    with rasterio.open(tmp_path / "out" / "scene_x2.tif") as target:
        tags = target.tags()
    assert (tags["SEN2NAIP_SR_MODEL"], tags["SEN2NAIP_SR_RANGE"]) == ("unet", "0:200")
    assert tags["SEN2NAIP_SR_ENSEMBLE"] == tags["SEN2NAIP_SR_CONSISTENCY"] == "on"
    assert (tmp_path / "out" / "scene_x2_interval.tif").exists()


def test_a_failed_scene_is_an_exit_code(scene):
    scene.write_bytes(b"")
    result = run("upscale", scene)
    assert result.exit_code == 1
    assert "empty (0 bytes)" in result.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["none.tif"], "none.tif: there is no such file"),
        (["{scene}", "--model", "leen"], "did you mean 'lean'"),
        (["{scene}", "--bands", "1,2,3"], "3 bands, and the weights"),
        (["{scene}", "--bands", "1,2,3,9"], "9"),
        (["{scene}", "--range", "5:1"], "LOW below HIGH"),
        (["{scene}", "--weights", "none.safetensors"], "no such weights file"),
        (["{scene}", "--backend", "magic"], "unknown"),
        (["{scene}", "-o", "{scene}", "--overwrite"], "is the input itself"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(scene, options, said):
    result = run("upscale", *(option.format(scene=scene) for option in options))
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output


def test_what_to_type_is_said_once_for_all_scenes(scene, make_geotiff):
    make_geotiff(scene.with_name("other.tif"), size=32)
    result = run("upscale", scene.parent, "--bands", "1,2,3")
    assert result.output.count("For the scenes that failed: --bands") == 1


def test_skipped_scenes_are_said_to_be_overwritten_how(scene):
    assert "--overwrite" not in run("upscale", scene).output
    assert "--overwrite" in run("upscale", scene).output


def test_models_are_listed_with_size_and_quality():
    result = run("models")
    assert result.exit_code == 0
    assert "a second" not in result.output
    lean = next(line for line in result.output.splitlines() if line.strip().startswith("lean"))
    weights = load_shipped("lean")
    assert weights
    count = sum(tensor.numel() for tensor in weights.state.values())
    assert f"{count:,}" in lean
    assert all(
        name in result.output for name in ("default", "fast", "best", "carn_m", "unet", "gan")
    )


def test_speed_is_measured_only_if_asked_for(monkeypatch):
    timed = []

    def measure(network):
        timed.append(network)
        return Speed(12.34, 1.0, 1.0)

    monkeypatch.setattr(catalogue, "measure_speed", measure)
    run("models")
    assert timed == []
    result = run("models", "--speed")
    assert len(timed) == len(shipped_names())
    assert result.output.count("12.34") == len(timed)


def test_export_writes_an_onnx_file_that_computes_the_same(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    path = tmp_path / "unet.onnx"
    result = run("export", "--model", "unet", "-o", path)
    assert result.exit_code == 0, result.output
    assert f"{path}: differs from torch by at most" in result.output.replace("\n", "")
    image = np.random.default_rng(0).random((1, 4, 20, 31)).astype("float32")
    (found,) = onnxruntime.InferenceSession(path).run(None, {"lr": image})
    assert found.shape == (1, 4, 40, 62)
    properties = onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map
    weights = load_shipped("unet")
    assert weights
    assert properties["weights"] == weights.label
    again = run("export", "--model", "unet", "-o", path)
    assert again.exit_code == 1
    assert "exists already" in again.output


def test_an_export_says_which_conditions_it_was_told(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    path = tmp_path / "default.onnx"
    result = run("export", "-o", path)
    assert result.exit_code == 0, result.output
    properties = onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map
    assert properties["model"] == "default"
    assert "clean image" in properties["conditions"]


def test_help_answers_at_once():
    command = [sys.executable, "-m", "sen2naip_sr.command", "--help"]
    times = []
    for _ in range(3):
        start = time.perf_counter()
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        times.append(time.perf_counter() - start)
    assert "upscale" in shown
    assert min(times) < 1


def test_heavy_packages_are_not_imported_for_help():
    code = (
        "import sys, sen2naip_sr.command;"
        "print([name for name in ('torch', 'kedro') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_version_is_the_package_s():
    assert __version__ in run("--version").output


def events_of(result):
    return [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]


def test_programs_are_told_of_every_tile_and_the_outcome(scene):
    result = run("upscale", scene, "--tile", 16, "--progress", "json")
    *tiles, last = events_of(result)
    assert [(tile["done"], tile["total"]) for tile in tiles] == [(n, 4) for n in range(1, 5)]
    assert {tile["event"] for tile in tiles} == {"progress"}
    assert last["event"] == "done"
    assert last["target"] == str(scene.with_name("scene_x2.tif"))
    assert not events_of(run("upscale", scene, "--overwrite"))


def test_programs_are_told_problem_and_remedy(scene):
    scene.write_bytes(b"")
    (event,) = events_of(run("upscale", scene, "--progress", "json"))
    assert (event["event"], event["code"]) == ("failed", "file-empty")
    assert event["problem"].endswith("is empty (0 bytes)")
    assert event["remedy"] == "copy or download it again"
    (event,) = events_of(run("upscale", scene, "--model", "leen", "--progress", "json"))
    assert (event["event"], event["code"]) == ("error", "options-invalid")
    assert event["remedy"]


def test_models_are_listed_for_programs_with_their_cards():
    told = json.loads(run("models", "--json").stdout)
    assert told["version"] == __version__
    assert told["threads"] >= 1
    assert {model["model"] for model in told["models"]} == set(shipped_names())
    assert all(model["card"].startswith("---") or "#" in model["card"] for model in told["models"])
