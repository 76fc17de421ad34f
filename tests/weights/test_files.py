import pytest
import safetensors.torch
import torch
from small_weights import SIZE, metadata, network

from sen2naip_sr.errors import UserError
from sen2naip_sr.weights.files import WeightsMetadata, load_weights, save_weights


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "made" / "carn.safetensors"
    save_weights(path, network().state_dict(), metadata())
    return path


def test_round_trip_gives_the_same_network_in_eval_mode(path):
    weights = load_weights(path)
    assert weights.metadata == metadata()
    model, image = weights.build(), torch.rand(1, 3, 6, 6)
    assert not model.training
    assert torch.equal(model(image), network()(image))


def test_takes_weights_in_channels_last(tmp_path):
    state = network().to(memory_format=torch.channels_last).state_dict()
    save_weights(tmp_path / "w.safetensors", state, metadata())
    loaded = load_weights(tmp_path / "w.safetensors").state
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())


def test_any_safetensors_reader_finds_the_metadata(path):
    with safetensors.safe_open(path, framework="np") as stream:
        stored = stream.metadata()["sen2naip_sr"]
    assert WeightsMetadata.model_validate_json(stored) == metadata()


def test_leaves_nothing_but_the_file(path):
    assert list(path.parent.iterdir()) == [path]


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"none\.safetensors: there is no such weights file"):
        load_weights(tmp_path / "none.safetensors")


@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.99])
def test_damaged_file(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"carn\.safetensors is damaged"):
        load_weights(path)


@pytest.mark.parametrize("header", [None, {"format": "pt"}])
def test_weights_of_others(tmp_path, header):
    safetensors.torch.save_file(network().state_dict(), tmp_path / "w.safetensors", header)
    with pytest.raises(UserError, match="not made by sen2naip_sr"):
        load_weights(tmp_path / "w.safetensors")


@pytest.mark.parametrize("document", ['{"architecture": "carn"}', "{", '"text"'])
def test_metadata_of_another_form(tmp_path, document):
    header = {"sen2naip_sr": document}
    safetensors.torch.save_file(network().state_dict(), tmp_path / "w.safetensors", header)
    with pytest.raises(UserError, match="its metadata cannot be read"):
        load_weights(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"bands": 4}, r"'entry.weight' is \(4, 3, 3, 3\) instead of \(4, 4, 3, 3\)"),
        ({"architecture_parameters": SIZE | {"units": 2}}, r"stages\.1\.first\.bias' is missing"),
        ({"architecture": "bicubic", "architecture_parameters": {}}, "is unknown.*and .* more"),
        ({"architecture": "carm"}, "did you mean 'carn"),
    ],
)
def test_weights_that_do_not_fit_name_what_differs(tmp_path, changes, named):
    path = tmp_path / "w.safetensors"
    save_weights(path, network().state_dict(), metadata(**changes))
    with pytest.raises(UserError, match=named):
        load_weights(path).build()
