import hashlib

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from small_weights import metadata, network

from sen2naip_sr.errors import UserError
from sen2naip_sr.weights.compact import compressed, decompressed
from sen2naip_sr.weights.files import load_weights, save_weights
from sen2naip_sr.weights.packed import MOST_BYTES, pack, unpack

few = settings(deadline=None, max_examples=60)
DTYPES = st.sampled_from([np.float16, np.float32, np.float64, np.int64])


def bits(tensor):
    return tensor.numpy().tobytes(), tensor.dtype, tensor.shape


@few
@given(st.data())
def test_any_tensors_come_back_bit_for_bit(data):
    """Of any dtype and shape, with NaN, infinities and negative zeros among their values."""
    state = {}
    for number in range(data.draw(st.integers(0, 4))):
        shape = data.draw(arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9))
        dtype = np.dtype(data.draw(DTYPES))
        state[str(number)] = torch.from_numpy(data.draw(arrays.arrays(dtype, shape)))
    stored, layouts = pack(state)
    found = unpack(stored, layouts)
    assert {name: bits(each) for name, each in found.items()} == {
        name: bits(each) for name, each in state.items()
    }
    assert sum(each.nbytes for each in stored.values()) <= sum(e.nbytes for e in state.values())


@few
@given(arrays.arrays(np.int32, st.integers(0, 200)))
def test_numbers_come_back(numbers):
    found = decompressed(compressed(numbers), numbers.dtype, len(numbers))
    assert found.tobytes() == numbers.tobytes()
    if len(numbers):
        with pytest.raises(ValueError, match="too long"):
            decompressed(compressed(numbers), numbers.dtype, len(numbers) - 1)


@pytest.fixture
def files(tmp_path):
    """Weights in half precision as a plain and as a packed file."""
    state = {name: tensor.half() for name, tensor in network().state_dict().items()}
    state["entry.weight"] = state["entry.weight"] * 1e-3
    paths = [tmp_path / "plain.safetensors", tmp_path / "packed.safetensors"]
    for path, packed in zip(paths, (False, True), strict=True):
        save_weights(path, state, metadata(), packed=packed)
    return paths


def test_a_packed_file_is_the_same_network(files):
    plain, packed = map(load_weights, files)
    assert (plain.packed, packed.packed) == (False, True)
    assert packed.label == plain.label
    assert packed.metadata == plain.metadata
    image = torch.rand(1, 3, 8, 8)
    assert torch.equal(packed.build()(image), plain.build()(image))
    assert files[1].read_bytes() != files[0].read_bytes()


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=80)
def test_a_damaged_packed_file_is_refused_or_another_network(seed, tmp_path_factory):
    """Whichever bytes change, nothing but a `UserError` is raised."""
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "w.safetensors"
    state = {name: tensor.half() for name, tensor in network().state_dict().items()}
    save_weights(path, state, metadata(), packed=True)
    content = bytearray(path.read_bytes())
    random = np.random.default_rng(seed)
    for at in random.integers(0, len(content), random.integers(1, 5)):
        content[at] = random.integers(256)
    path.write_bytes(content)
    try:
        load_weights(path).build()
    except UserError as error:
        assert "w.safetensors" in error.problem


@pytest.mark.parametrize(
    "layouts",
    [
        "[]",
        "3",
        "[" * 100_000,
        '{"x": ["float16", [4]]}',
        '{"entry.weight": ["int8", [4]]}',
        '{"entry.weight": ["float16", [-4]]}',
        '{"entry.weight": ["float16", [0.5]]}',
        '{"entry.weight": ["float16", [5]]}',
        '{"entry.weight": ["float16", [99999999999, 99999999999]]}',
    ],
)
def test_a_false_list_of_packed_tensors_is_refused(tmp_path, layouts):
    stored = {"entry.weight": torch.zeros(20, dtype=torch.uint8)}
    document = metadata().model_dump_json().replace('"packed":null', f'"packed":{layouts}')
    safetensors.torch.save_file(stored, tmp_path / "w.safetensors", {"sen2naip_sr": document})
    with pytest.raises(UserError, match=r"w\.safetensors(: its metadata| is damaged)"):
        load_weights(tmp_path / "w.safetensors")


def test_no_more_is_decompressed_than_the_shape_says():
    bomb = torch.frombuffer(bytearray(compressed(np.zeros(2**22, np.float16))), dtype=torch.uint8)
    with pytest.raises(ValueError, match="too long"):
        unpack({"x": bomb}, {"x": ("float16", (16,))})
    with pytest.raises(ValueError, match="larger"):
        unpack({"x": bomb}, {"x": ("float16", (MOST_BYTES,))})


def test_the_same_weights_are_the_same_file(files, tmp_path):
    again = tmp_path / "again.safetensors"
    weights = load_weights(files[1])
    save_weights(again, weights.state, weights.metadata, packed=True)
    digests = {hashlib.sha256(path.read_bytes()).digest() for path in (files[1], again)}
    assert len(digests) == 1
