import logging

import pytest
import torch

from sen2naip_sr.models.registry import build_model
from sen2naip_sr.weights import shipped
from sen2naip_sr.weights.files import WeightsMetadata, save_weights
from sen2naip_sr.weights.shipped import load_shipped

SIZE = {"channels": 4, "blocks": 1}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def state(folder):
    """The state, in half precision, of a network that is shipped as `lean`."""
    torch.manual_seed(0)
    model = build_model("lean", 4, **SIZE)
    halved = {name: torch.randn_like(each).half() for name, each in model.state_dict().items()}
    metadata = WeightsMetadata(
        architecture="lean",
        architecture_parameters=SIZE,
        bands=4,
        recipe="area@1",
        value_range=(0, 255),
        dtype="uint8",
        data_hash="abc",
        split_hash="def",
        train_places=["chico"],
        validation_psnr=30.0,
        step=1,
        training={},
        version="0",
        synthetic=False,
    )
    save_weights(folder / "lean.safetensors", halved, metadata)
    return halved


def test_weights_that_do_not_exist_are_none_in_silence(folder, caplog):
    assert load_shipped("lean") is None
    assert not caplog.records


def test_each_network_has_its_own(state):
    assert load_shipped("carn") is None
    assert load_shipped("lean").metadata.architecture == "lean"


def test_shipped_weights_say_so(state):
    assert load_shipped("lean").shipped


def test_computes_in_single_precision_what_is_stored_in_half(state):
    weights = load_shipped("lean")
    assert {tensor.dtype for tensor in weights.state.values()} == {torch.float16}
    built = weights.build().state_dict()
    assert {tensor.dtype for tensor in built.values()} == {torch.float32}
    assert all(torch.equal(built[name], tensor.float()) for name, tensor in state.items())
    assert weights.build()(torch.rand(1, 4, 6, 6)).dtype == torch.float32


def test_a_damaged_file_is_left_out_with_a_warning(state, folder, caplog):
    path = folder / "lean.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        assert load_shipped("lean") is None
    assert "Left out" in caplog.text and "lean.safetensors is damaged" in caplog.text
