"""What every model of the registry promises."""

import copy
import io

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sen2naip_sr.models.registry import MODELS, build_model

SMALL = {"carn": {"channels": 6, "blocks": 2, "units": 2}}
NETWORKS = [name for name, spec in MODELS.items() if spec.trainable]


def small(name, bands):
    torch.manual_seed(0)
    return build_model(name, bands, **SMALL.get(name, {}))


def trained(name, bands):
    """A network whose zero last layer has left zero."""
    model = small(name, bands)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.rand_like(weights), alpha=0.1)
    return model


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 7, 5), (1, 4, 16, 16), (1, 10, 3, 9)])
def test_output_is_twice_as_high_and_wide(name, shape):
    batch, bands, height, width = shape
    output = small(name, bands)(torch.rand(shape))
    assert output.shape == (batch, bands, 2 * height, 2 * width)
    assert output.dtype == torch.float32


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("bands", [1, 4, 10])
def test_untrained_network_is_exactly_bicubic(name, bands):
    image = torch.rand(2, bands, 9, 12)
    expected = F.interpolate(image, scale_factor=2, mode="bicubic", align_corners=False)
    assert torch.equal(small(name, bands)(image), expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_reach_every_parameter(name):
    model = trained(name, 3)
    model(torch.rand(2, 3, 8, 8)).square().mean().backward()
    unreached = [
        n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0
    ]
    assert unreached == []


@pytest.mark.parametrize("name", MODELS)
def test_no_parameters_without_training(name):
    assert any(True for _ in small(name, 3).parameters()) == MODELS[name].trainable


@pytest.mark.parametrize("name", NETWORKS)
def test_state_dict_round_trip(name):
    model, image = trained(name, 4), torch.rand(1, 4, 6, 6)
    stream = io.BytesIO()
    torch.save(model.state_dict(), stream)
    stream.seek(0)
    other = small(name, 4)
    assert not torch.equal(other(image), model(image))
    other.load_state_dict(torch.load(stream, weights_only=True))
    assert torch.equal(other(image), model(image))


@pytest.mark.parametrize("name", MODELS)
def test_bfloat16_stays_near_float32(name):
    model = trained(name, 4) if MODELS[name].trainable else small(name, 4)
    image = torch.rand(1, 4, 8, 8).bfloat16()
    expected = model(image.float())
    output = copy.deepcopy(model).bfloat16()(image)
    assert output.dtype == torch.bfloat16
    tolerance = 0.02 * expected.abs().max()
    assert (output.float() - expected).abs().max() < tolerance


@pytest.mark.parametrize("name", MODELS)
def test_receptive_field_is_what_gradients_reach(name):
    model = small(name, 2).double()
    make_every_path_count(model)
    reach = model.receptive_field
    assert isinstance(reach, int)
    centre, side = reach + 2, 2 * reach + 5
    image = (0.6 + 0.4 * torch.rand(1, 2, side, side, dtype=torch.float64)).requires_grad_()
    output = model(image)
    output[..., 2 * centre : 2 * centre + 2, 2 * centre : 2 * centre + 2].square().sum().backward()
    reached = np.argwhere(image.grad.abs().sum(dim=(0, 1)).numpy() > 0)
    assert np.abs(reached - centre).max() == reach


@pytest.mark.parametrize("name", MODELS)
def test_sizes_may_be_multiples_of_what_is_declared(name):
    model = small(name, 1)
    assert isinstance(model.multiple, int)
    side = model.multiple
    assert model(torch.rand(1, 1, side, 3 * side)).shape == (1, 1, 2 * side, 6 * side)


def make_every_path_count(model: nn.Module):
    """Positive weights keep every ReLU open, so that no path is hidden from the gradients."""
    with torch.no_grad():
        for weights in model.parameters():
            weights.copy_(0.01 + 0.1 * torch.rand_like(weights))
