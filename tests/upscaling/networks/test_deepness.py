"""What Deepness (QGIS) reads of an exported file, and what this project reads of it."""

import importlib.util
import json

import numpy as np
import pytest
from click.testing import CliRunner
from tiny_weights import write_weights

import sen2naip_sr as sr
from sen2naip_sr.command import main

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime", "onnxscript")),
    reason="needs the extra onnx",
)
TILE = 48


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_weights(tmp_path_factory.mktemp("weights") / "small.safetensors")


def exported(weights, path, *options):
    arguments = ["export", "--weights", str(weights), "-o", str(path), *options]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture(scope="module")
def fixed(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("fixed") / "small.onnx"
    return exported(weights, path, "--tile", str(TILE), "--resolution", "60")


def test_deepness_reads_type_resolution_tile_and_standardisation(fixed):
    import onnxruntime

    read = onnxruntime.InferenceSession(fixed).get_modelmeta().custom_metadata_map
    # each is read by json.loads; its code reads tile_size, its documentation says tiles_size
    known = {name: json.loads(read[name]) for name in read if name in DEEPNESS}
    assert known == DEEPNESS
    # the name of the type as its list of types spells it
    assert str(known["model_type"]).capitalize() == "Superresolution"


DEEPNESS = {
    "model_type": "Superresolution",
    "resolution": 60,
    "tile_size": TILE,
    "tiles_size": TILE,
    "tiles_overlap": 0,
    "standardization_mean": [0, 0, 0, 0],
    "standardization_std": [1, 1, 1, 1],
}


def test_deepness_accepts_the_shapes_and_gets_our_result(fixed, weights):
    """It needs one image, square, with one output; bytes are divided by 255, then standardised."""
    import onnxruntime

    session = onnxruntime.InferenceSession(fixed)
    (given,), (made,) = session.get_inputs(), session.get_outputs()
    assert given.shape == [1, 4, TILE, TILE]
    assert made.shape == [1, 4, 2 * TILE, 2 * TILE]
    tile = np.random.default_rng(0).integers(0, 256, (TILE, TILE, 4)).astype("uint8")
    read = session.get_modelmeta().custom_metadata_map
    mean, std = (np.float32(json.loads(read[f"standardization_{n}"])) for n in ("mean", "std"))
    batch = ((tile / np.float32(255) - mean) / std).transpose(2, 0, 1)[np.newaxis]
    (result,) = session.run(None, {given.name: batch})
    ours = sr.load_model(weights, device="cpu", precision="float32").upscale(
        tile.transpose(2, 0, 1).astype("float32"), value_range=(0, 255)
    )
    inside = np.s_[:, 20:-20, 20:-20]
    np.testing.assert_allclose(255 * result[0][inside], ours.values[inside], rtol=0, atol=1e-2)


@pytest.mark.parametrize("size", ["any", "fixed"])
def test_our_own_files_upscale_without_a_description(weights, fixed, tmp_path, size):
    path = fixed if size == "fixed" else exported(weights, tmp_path / "own.onnx")
    image = np.random.default_rng(0).random((4, 60, 75), np.float32)
    own = sr.load_model(weights, device="cpu", precision="float32")
    expected = own.upscale(image, value_range=(0, 1)).values
    result = sr.load_model(path, device="cpu").upscale(image, value_range=(0, 1))
    np.testing.assert_allclose(result.values, expected, rtol=0, atol=1e-5)
    assert result.made_with["factor"] == "2"


@pytest.mark.parametrize("tile", ["8", "5000"])
def test_sizes_out_of_range_are_refused(weights, tmp_path, tile):
    arguments = ["export", "--weights", str(weights), "-o", str(tmp_path / "x.onnx")]
    result = CliRunner().invoke(main, [*arguments, "--tile", tile])
    assert result.exit_code == 1
    assert "from 16 to 4096" in " ".join(result.output.split())
    assert not (tmp_path / "x.onnx").exists()
