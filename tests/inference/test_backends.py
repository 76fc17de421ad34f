import importlib.util
import logging

import numpy as np
import pytest
import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference import backends
from sen2naip_sr.inference.backends import choose_backend
from sen2naip_sr.inference.flat_areas import CalmedNetwork, Calming
from sen2naip_sr.inference.network import make_network
from sen2naip_sr.models.quantisation import set_rounding
from sen2naip_sr.models.registry import build_model

CPU = torch.device("cpu")
needs_int8 = pytest.mark.skipif(
    backends._what_8_bits_lack(CPU) is not None, reason="8 bits cannot be computed here"
)


@pytest.fixture(scope="module")
def quantised():
    """Return a plain quantised network whose feature maps use their ranges."""
    torch.manual_seed(0)
    network = build_model("lean", 4, channels=16, blocks=2, inner=8, quantised=True).eval()
    with torch.no_grad():
        for weights in network.exit.parameters():
            weights.normal_(std=0.05)
    return network


def tiles(height=40, width=33):
    return np.random.default_rng(0).random((1, 4, height, width), dtype=np.float32)


@needs_int8
def test_openvino_computes_what_the_network_computes_that_rounds(quantised):
    given = tiles()
    found = make_network(quantised, precision="int8")(given)
    set_rounding(quantised, True)
    with torch.no_grad():
        expected = quantised(torch.from_numpy(given)).numpy()
    set_rounding(quantised, False)
    # sums in another order round a few values to another level
    assert np.median(np.abs(found - expected)) < 1e-5
    assert np.abs(found - expected).max() < 0.02


@needs_int8
def test_8_bits_come_near_the_floats(quantised):
    given = tiles()
    exact = make_network(quantised, precision="float32")(given)
    found = make_network(quantised, precision="int8")(given)
    assert 0 < np.abs(found - exact).max() < 0.05


@needs_int8
@pytest.mark.parametrize(("top", "left"), [(0, 0), (3, 8), (11, 5)])
def test_tiles_in_8_bits_give_the_bits_of_the_whole(quantised, top, left):
    network, whole = make_network(quantised, precision="int8"), tiles(64, 70)
    halo = network.halo
    part = whole[:, :, top : top + 40, left : left + 37]
    found = network(np.ascontiguousarray(part), trim=halo)
    rows = slice(2 * (top + halo), 2 * (top + 40 - halo))
    columns = slice(2 * (left + halo), 2 * (left + 37 - halo))
    np.testing.assert_array_equal(found, network(whole)[:, :, rows, columns])


@needs_int8
def test_flat_areas_are_calmed_in_8_bits_too(quantised):
    calmed = CalmedNetwork(quantised, Calming(0.5, (10.0,) * 4))
    found = make_network(calmed, precision="int8")(tiles())
    exact = make_network(calmed, precision="float32")(tiles())
    assert 0 < np.abs(found - exact).max() < 0.05


@needs_int8
def test_auto_takes_8_bits_where_the_network_knows_its_ranges(quantised):
    assert choose_backend(quantised, CPU, "auto", "auto") == ("openvino", "int8")
    plain = build_model("lean", 4, channels=8, blocks=1)
    assert choose_backend(plain, CPU, "auto", "auto")[1] != "int8"
    assert choose_backend(quantised, CPU, "auto", "float32")[1] == "float32"


def test_without_the_instructions_floats_are_used_and_it_is_said_once(
    quantised, monkeypatch, caplog
):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    backends._say_what_is_missing.cache_clear()
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            assert choose_backend(quantised, CPU, "auto", "auto")[1] != "int8"
    assert caplog.text.count("lacks the instructions") == 1
    with pytest.raises(UserError, match="lacks the instructions"):
        choose_backend(quantised, CPU, "auto", "int8")


def test_without_openvino_floats_are_used(quantised, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert choose_backend(quantised, CPU, "auto", "auto")[0] != "openvino"
    with pytest.raises(UserError) as caught:
        choose_backend(quantised, CPU, "openvino", "auto")
    assert caught.value.code == "backend-missing"


@pytest.mark.parametrize(
    ("backend", "precision"),
    [("auto", "int8"), ("openvino", "auto"), ("eager", "int8"), ("openvino", "float32")],
)
def test_what_cannot_be_computed_in_8_bits_is_refused(backend, precision):
    plain = build_model("lean", 4, channels=8, blocks=1)
    with pytest.raises(UserError) as caught:
        choose_backend(plain, CPU, backend, precision)
    assert caught.value.code == "backend-missing"
