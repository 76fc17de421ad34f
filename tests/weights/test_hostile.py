"""Weights as input: whatever a header asks for is refused soon, in words, in little memory."""

import json
import random
import struct
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from small_weights import metadata, network
from torch import Tensor

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.weights.files import METADATA_KEY, load_weights, save_weights
from sen2naip_sr.weights.plausible import TooLargeError, shapes_of
from sen2naip_sr.weights.shipped import FOLDER, load_shipped

HUGE = st.sampled_from([10**3, 10**4, 10**6, 10**9, 10**18, 10**30])
SMALL = st.integers(1, 4)
SIZE = st.one_of(HUGE, SMALL)
ARCHITECTURES = st.one_of(
    st.tuples(
        st.just("unet"),
        st.fixed_dictionaries(
            {"widths": st.one_of(st.lists(SIZE, min_size=1, max_size=5), st.just([1] * 60))},
            optional={"convolutions": SIZE},
        ),
    ),
    st.tuples(st.just("lean"), st.fixed_dictionaries({"channels": SIZE, "blocks": SIZE})),
    st.tuples(
        st.sampled_from(["carn", "carn_m"]),
        st.fixed_dictionaries({"channels": SIZE, "blocks": SIZE, "units": SIZE}),
    ),
    st.tuples(
        st.just("gan"),
        st.fixed_dictionaries(
            {
                "generator": st.just("carn"),
                "generator_parameters": st.fixed_dictionaries({"channels": SIZE, "units": SIZE}),
            }
        ),
    ),
)


@given(ARCHITECTURES, SIZE)
@settings(max_examples=60, deadline=None)
def test_an_architecture_that_the_tensors_cannot_fill_is_refused_in_under_a_second(asked, bands):
    name, parameters = asked
    state = network().state_dict()
    began = time.perf_counter()
    try:
        shapes = shapes_of(name, bands, parameters, state)
    except (TooLargeError, UserError):
        pass
    else:
        assert sum(map(torch.Size.numel, shapes.values())) <= 4 * sum(
            map(Tensor.numel, state.values())
        )
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("name", ["lean", "carn", "carn_m", "unet", "gan"])
def test_shapes_are_those_of_the_network_and_draw_no_random_number(name):
    torch.manual_seed(3)
    state = build_model(name, 4).state_dict()
    torch.manual_seed(3)
    shapes = shapes_of(name, 4, {}, state)
    assert shapes == {key: tensor.shape for key, tensor in state.items()}
    first = build_model(name, 4).state_dict()
    assert all(torch.equal(first[key], tensor) for key, tensor in state.items())


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": "unet", "architecture_parameters": {"widths": [1] * 40}},
        {"architecture_parameters": {"channels": 10**6}},
        {"bands": 10**9},
        {"bands": -4},
        {"architecture": "nothing"},
        {"architecture": "bicubic", "architecture_parameters": {}},
    ],
)
def test_a_header_that_asks_for_another_network_is_refused(tmp_path, changes):
    path = tmp_path / "w.safetensors"
    save_weights(path, network().state_dict(), metadata(**changes))
    began = time.perf_counter()
    with pytest.raises(UserError, match=r"w\.safetensors"):
        load_weights(path).build()
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("ends", [(5.0, 5.0), (9.0, 1.0)])
def test_a_header_without_a_range_is_refused(tmp_path, ends):
    text = metadata().model_dump_json()
    header = json.loads(text) | {"value_range": ends}
    content = save(network().state_dict(), {METADATA_KEY: json.dumps(header)})
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="value_range"):
        load_weights(tmp_path / "w.safetensors")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.int8, torch.bool, torch.complex64])
def test_tensors_of_a_strange_dtype_are_refused(tmp_path, dtype):
    state = {name: tensor.to(dtype) for name, tensor in network().state_dict().items()}
    header = {METADATA_KEY: metadata().model_dump_json()}
    (tmp_path / "w.safetensors").write_bytes(save(state, header))
    with pytest.raises(UserError, match="damaged"):
        load_weights(tmp_path / "w.safetensors")


@pytest.mark.parametrize("seed", range(25))
def test_damaged_weights_are_refused_or_work(tmp_path, seed):
    content = bytearray((FOLDER / "lean.safetensors").read_bytes())
    draw = random.Random(seed)
    length = struct.unpack("<Q", content[:8])[0]
    for _ in range(draw.choice([1, 3, 20])):
        place = draw.randrange(8 + length) if draw.random() < 0.8 else draw.randrange(len(content))
        content[place] = draw.randrange(256)
    if draw.random() < 0.2:
        del content[draw.randrange(len(content)) :]
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    try:
        weights = load_weights(path)
        model = weights.build()
        assert weights.label
    except UserError as error:
        assert "w.safetensors" in error.problem
    else:
        assert model(torch.zeros(1, 4, 8, 8)).shape == (1, 4, 16, 16)


def test_shipped_weights_are_still_read():
    weights = load_shipped("lean")
    assert weights is not None
    assert weights.build() is not None
