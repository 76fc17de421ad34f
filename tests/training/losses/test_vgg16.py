import logging

import pytest
import torch
from torch import nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.vgg16 import Vgg16Features
from sen2naip_sr.training import vgg
from sen2naip_sr.training.losses.vgg16 import PerceptualLoss
from sen2naip_sr.training.parameters.losses import PerceptualParameters
from sen2naip_sr.training.vgg import load_weights

RANDOM = PerceptualParameters(weights="random", layers={"relu1_2": 1.0, "relu2_2": 1.0})
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
LR = torch.empty(0)  # not used
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


@pytest.fixture(scope="module")
def weights():
    return load_weights("random")


@pytest.fixture(scope="module")
def loss():
    return PerceptualLoss(RANDOM, bands=4)


def images(seed=0, shape=(1, 4, 16, 16)):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def published_layers(weights):
    """Return VGG16's convolutional part as the published weights number it: 31 layers in a row."""
    layers, channels = [], 3
    for width in (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", *(512, 512, 512, "M") * 2):
        if width == "M":
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
    network = nn.Sequential(*layers)
    network.load_state_dict(weights, strict=True)
    return network


@torch.no_grad()
def test_features_are_those_of_the_published_layout(weights):
    rgb = images(shape=(2, 3, 32, 48))
    outputs = Vgg16Features(weights, blocks=5)(rgb)
    features = (rgb - MEAN) / STD
    expected = {}
    names = {3: "relu1_2", 8: "relu2_2", 15: "relu3_3", 22: "relu4_3", 29: "relu5_3"}
    for number, layer in enumerate(published_layers(weights)):
        features = layer(features)
        if number in names:
            expected[names[number]] = features.clone()
    torch.testing.assert_close(outputs, expected)


def test_there_are_thirteen_convolutions_of_the_published_size(weights):
    assert sum(name.endswith("weight") for name in weights) == 13
    assert sum(values.numel() for values in weights.values()) == 14_714_688


def test_the_network_is_neither_trained_nor_stored(loss):
    assert list(loss.parameters()) == []
    assert loss.state_dict() == {}


def test_the_network_follows_the_module(loss):
    moved = PerceptualLoss(RANDOM, bands=4).to("meta")
    assert {buffer.device.type for buffer in moved.buffers()} == {"meta"}


def test_equal_images_cost_nothing_and_have_a_finite_gradient(loss):
    prediction = images().requires_grad_()
    value = loss(prediction, images(), LR)
    value.backward()
    assert value.item() == 0
    assert prediction.grad.abs().max() == 0


@pytest.mark.parametrize("band", range(4))
def test_every_band_is_seen(loss, band):
    prediction = images()
    prediction[:, band] += 0.1 * images(seed=1)[:, band]
    assert loss(prediction, images(), LR) > 0


def test_views_and_layers_are_averaged_and_weighted(weights):
    parameters = PerceptualParameters(
        weights="random", triples=[(2, 1, 0), (1, 1, 3)], layers={"relu2_2": 0.5, "relu1_2": 3.0}
    )
    prediction, truth = images(), images(seed=1)
    features = Vgg16Features(weights, blocks=2)
    expected = 0.0
    for triple in ([2, 1, 0], [1, 1, 3]):
        ours, theirs = features(prediction[:, triple]), features(truth[:, triple])
        for name, weight in (("relu1_2", 3.0), ("relu2_2", 0.5)):
            expected += weight * (ours[name] - theirs[name]).square().mean() / 2
    torch.testing.assert_close(PerceptualLoss(parameters, bands=4)(prediction, truth, LR), expected)


def test_random_features_are_the_same_each_time_and_said_to_be_random(caplog):
    with caplog.at_level(logging.WARNING):
        first, second = load_weights("random", blocks=2), load_weights("random", blocks=2)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert [record.message.count("random features") for record in caplog.records] == [1, 1]


def test_random_features_leave_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_weights("random", blocks=1)
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)


def test_without_weights_the_message_says_how_to_get_them():
    with pytest.raises(UserError, match=r"none are given[\s\S]*download[\s\S]*vgg16-397923af"):
        PerceptualLoss(PerceptualParameters(), bands=4)


@pytest.mark.parametrize("prefix", ["features.", ""])
def test_weights_are_read_from_a_file(tmp_path, prefix):
    weights = load_weights("random", blocks=2)
    state = {f"{prefix}{name}": values for name, values in weights.items()}
    torch.save(state | {"classifier.0.bias": torch.zeros(4096)}, tmp_path / "vgg16.pth")
    torch.testing.assert_close(load_weights(str(tmp_path / "vgg16.pth"), blocks=2), weights)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda state: state.pop("features.7.bias"), r"lacks 'features\.7\.bias'"),
        (
            lambda state: state.update({"features.0.weight": torch.zeros(64, 1, 3, 3)}),
            r"'features\.0\.weight' of shape \(64, 3, 3, 3\)",
        ),
        (lambda state: state.clear(), "does not hold VGG16"),
    ],
)
def test_other_weights_are_refused(tmp_path, change, problem):
    weights = load_weights("random", blocks=2)
    state = {f"features.{name}": values for name, values in weights.items()}
    change(state)
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(UserError, match=problem):
        load_weights(str(tmp_path / "other.pth"), blocks=2)


def test_a_file_that_is_no_state_dict_is_refused(tmp_path):
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(UserError, match="does not hold VGG16"):
        load_weights(str(tmp_path / "list.pth"))


@pytest.mark.parametrize("content", [None, b"not a state dict"])
def test_a_missing_or_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "broken.pth"
    if content:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.pth: cannot be read"):
        load_weights(str(path))


def test_a_download_that_is_not_the_published_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "vgg16-397923af.pth").write_bytes(b"another file")
    monkeypatch.setattr(vgg, "URL", (tmp_path / "vgg16-397923af.pth").as_uri())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    with pytest.raises(UserError, match="invalid hash value"):
        load_weights("download")


def test_a_failing_download_is_the_users_to_fix(tmp_path, monkeypatch):
    monkeypatch.setattr(vgg, "URL", (tmp_path / "vgg16-397923af.pth").as_uri())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    with pytest.raises(UserError, match=r"could not be downloaded[\s\S]*connection"):
        load_weights("download")


def test_views_of_bands_that_are_not_there_are_refused():
    with pytest.raises(UserError, match=r"needs band 3, and the images have bands 0 to 2"):
        PerceptualLoss(RANDOM, bands=3)


def test_images_that_vanish_in_the_pooling_are_refused(loss):
    with pytest.raises(UserError, match=r"need 2 pixels a side, and the crops are 1 x 16"):
        loss(images(shape=(1, 4, 1, 16)), images(shape=(1, 4, 1, 16)), LR)
