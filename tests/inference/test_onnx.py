import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from sen2naip_sr import __version__
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference import onnx as onnx_module
from sen2naip_sr.inference.onnx import LARGEST_DIFFERENCE, export_onnx
from sen2naip_sr.models.registry import build_model

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
SIZES = {
    "lean": {"channels": 6, "blocks": 1},
    "unet": {"widths": [3, 4, 5], "convolutions": 1},
    "carn_m": {"channels": 6, "groups": 2, "blocks": 1, "units": 1},
}
needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in PACKAGES),
    reason="needs the extra onnx",
)


def trained(name, bands):
    torch.manual_seed(0)
    model = build_model(name, bands, **SIZES[name]).eval()
    with torch.no_grad():
        for weights in model.parameters():
            weights.normal_(std=0.1)
    return model


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return a network of 3 bands, its ONNX file and the difference that the export found."""
    model = trained("lean", 3)
    path = tmp_path_factory.mktemp("onnx") / "lean.onnx"
    properties = {"architecture": "lean", "value_range": (0, 255)}
    return model, path, export_onnx(model, path, bands=3, properties=properties)


def run(path, images):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["sr"], {"lr": images})[0]


@needs_onnx
@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (2, 3, 3, 8), (5, 3, 31, 17), (1, 3, 64, 64)])
def test_the_file_computes_what_the_model_computes_at_any_size(exported, shape):
    model, path, _ = exported
    images = np.random.default_rng(1).random(shape, dtype=np.float32)
    with torch.no_grad():
        expected = model(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(run(path, images), expected, rtol=0, atol=1e-5)


@needs_onnx
def test_the_bicubic_part_is_torchs_also_at_the_edges(tmp_path):
    untrained = build_model("lean", 1, **SIZES["lean"])
    export_onnx(untrained, tmp_path / "bicubic.onnx", bands=1)
    # a step at the edge shows how the border is continued, and the cubic kernel's overshoot
    images = np.zeros((1, 1, 6, 7), np.float32)
    images[..., 0, :] = images[..., -1] = 1
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(images), scale_factor=2, mode="bicubic", align_corners=False
    )
    result = run(tmp_path / "bicubic.onnx", images)
    np.testing.assert_allclose(result, expected.numpy(), rtol=0, atol=1e-6)


@needs_onnx
def test_sizes_that_a_unet_pads_come_out_right(tmp_path):
    model = trained("unet", 2)
    difference = export_onnx(model, tmp_path / "unet.onnx", bands=2)
    assert difference <= LARGEST_DIFFERENCE
    for height, width in [(1, 2), (4, 4), (5, 12), (33, 22)]:
        images = np.random.default_rng(1).random((2, 2, height, width), dtype=np.float32)
        with torch.no_grad():
            expected = model(torch.from_numpy(images)).numpy()
        result = run(tmp_path / "unet.onnx", images)
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-5)


@needs_onnx
def test_the_file_says_what_it_is(exported):
    import onnx

    model, path, difference = exported
    assert 0 <= difference <= 1e-5
    proto = onnx.load(path)
    properties = {entry.key: entry.value for entry in proto.metadata_props}
    assert properties["architecture"] == "lean"
    assert json.loads(properties["value_range"]) == [0, 255]
    assert int(properties["bands"]) == 3 and int(properties["scale"]) == 2
    assert int(properties["receptive_field"]) == model.receptive_field
    assert int(properties["multiple"]) == 1
    assert properties["sen2naip_sr"] == __version__
    shape = proto.graph.input[0].type.tensor_type.shape.dim
    assert [axis.dim_param or axis.dim_value for axis in shape] == ["batch", 3, "height", "width"]
    assert not list(path.parent.glob("*.data"))


@needs_onnx
def test_what_is_there_is_kept_unless_it_may_be_replaced(exported):
    model, path, _ = exported
    before = path.read_bytes()
    with pytest.raises(UserError, match="exists already"):
        export_onnx(model, path, bands=3)
    assert path.read_bytes() == before


@needs_onnx
def test_a_file_that_computes_something_else_is_not_written(tmp_path, monkeypatch):
    path = tmp_path / "lean.onnx"
    path.write_bytes(b"old")
    monkeypatch.setattr(onnx_module, "_differences", lambda *arguments: iter([1e-6, 2e-4]))
    with pytest.raises(UserError, match=r"differ from torch's by 0\.0002"):
        export_onnx(trained("lean", 1), path, bands=1, overwrite=True)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@needs_onnx
@pytest.mark.parametrize("found", [float("nan"), float("inf")])
def test_results_that_are_no_numbers_are_no_agreement(tmp_path, monkeypatch, found):
    monkeypatch.setattr(onnx_module, "_differences", lambda *arguments: iter([found]))
    with pytest.raises(UserError, match="is not written"):
        onnx_module._checked(None, b"", tmp_path / "lean.onnx", 1)


@needs_onnx
def test_the_check_sees_other_weights(exported):
    _, path, _ = exported
    other = trained("lean", 3)
    with torch.no_grad():
        other.exit.bias += 1e-3
    found = max(onnx_module._differences(other, path.read_bytes(), 3))
    assert found == pytest.approx(1e-3, rel=0.01)


@pytest.mark.parametrize("missing", ["onnx", "onnxscript"])
def test_a_missing_package_is_named_with_what_installs_it(tmp_path, monkeypatch, missing):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        onnx_module, "find_spec", lambda name: None if name == missing else find(name)
    )
    with pytest.raises(UserError, match=missing) as caught:
        export_onnx(trained("lean", 1), tmp_path / "lean.onnx", bands=1)
    assert caught.value.code == "onnx-package-missing"
    assert not list(tmp_path.iterdir())


@needs_onnx
def test_without_onnx_runtime_the_file_is_written_unchecked(tmp_path, monkeypatch, caplog):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        onnx_module, "find_spec", lambda name: None if name == "onnxruntime" else find(name)
    )
    path = tmp_path / "bicubic.onnx"
    assert export_onnx(build_model("bicubic", 2), path, bands=2) is None
    assert "not compared with torch" in caplog.text
    assert run(path, np.ones((1, 2, 4, 5), np.float32)).shape == (1, 2, 8, 10)


@needs_onnx
def test_networks_without_onnx_form_are_refused(tmp_path):
    class Odd(torch.nn.Module):
        receptive_field = 0

        def forward(self, images):
            return torch.linalg.eigvals(images)

    with pytest.raises(UserError, match="cannot be written as ONNX"):
        export_onnx(Odd(), tmp_path / "odd.onnx", bands=1)


def test_importing_the_module_needs_no_onnx():
    program = (
        "import sys; import sen2naip_sr.inference.onnx; "
        "print([name for name in sys.modules if name.split('.')[0] in ('onnx', 'onnxruntime')])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
