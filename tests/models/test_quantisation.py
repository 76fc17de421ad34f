import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.models.quantisation import (
    QuantisableConv2d,
    rounded_maps,
    rounded_weights,
    set_rounding,
    weight_steps,
)
from sen2naip_sr.models.registry import build_model


def quantised_lean(**size):
    """Return a quantised network with conditions and a correction that is not zero."""
    torch.manual_seed(0)
    size = {"channels": 8, "blocks": 2, "conditions": True, "quantised": True} | size
    network = build_model("lean", 4, **size).eval()
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(0.1 * torch.randn_like(weights))
    return network


@pytest.mark.parametrize("signed", [True, False])
def test_maps_are_rounded_to_the_levels_of_8_bits(signed):
    maps, end = 4 * torch.randn(1000), torch.tensor(2.5)
    step = 2.5 / (127 if signed else 255)
    low, high = (-128, 127) if signed else (0, 255)
    expected = np.clip(np.round(maps.numpy() / step), low, high) * step
    np.testing.assert_allclose(rounded_maps(maps, end, signed), expected, atol=1e-5)


def test_weights_are_whole_numbers_of_7_bits_and_keep_their_largest():
    weight = torch.randn(6, 5, 3, 3) * torch.logspace(-3, 3, 6)[:, None, None, None]
    rounded = rounded_weights(weight)
    levels = rounded / weight_steps(weight)
    assert torch.allclose(levels, levels.round(), atol=1e-4)
    assert levels.abs().amax((1, 2, 3)).tolist() == pytest.approx([63.0] * 6)
    assert torch.all((rounded - weight).abs() <= weight_steps(weight) / 2 * 1.001)


def test_weights_of_zero_stay_zero():
    assert rounded_weights(torch.zeros(2, 3, 3, 3)).abs().max() == 0


def test_gradients_pass_the_rounding_inside_the_range_only():
    maps = torch.tensor([-5.0, -0.3, 0.2, 5.0], requires_grad=True)
    rounded_maps(maps, torch.tensor(1.0), signed=True).sum().backward()
    assert maps.grad.tolist() == [0, 1, 1, 0]


def test_a_convolution_rounds_only_if_told():
    layer, maps = QuantisableConv2d(3, 4, 3, padding=1), torch.randn(2, 3, 8, 8)
    assert torch.equal(layer(maps), F.conv2d(maps, layer.weight, layer.bias, padding=1))
    set_rounding(layer, True)
    expected = F.conv2d(
        rounded_maps(maps, layer.end, True), rounded_weights(layer.weight), layer.bias, padding=1
    )
    assert torch.equal(layer(maps), expected)


def test_conditions_folded_into_the_weights_change_no_level():
    network, image = quantised_lean(inner=6), torch.rand(1, 4, 16, 16)
    conditions = Conditions.of_recipe(4)
    set_rounding(network, True)
    with torch.no_grad():
        told = network(image, conditions.encode(4)[None])
        folded = network.under(conditions)(image)
    # products in another order round a few values to another level
    assert (told - folded).abs().median() < 1e-5
    assert (told - folded).abs().max() < 0.05


def test_ranges_travel_with_the_weights():
    network = quantised_lean()
    network.body[0].first.end.fill_(7.0)
    copy = quantised_lean()
    copy.load_state_dict(network.state_dict())
    assert copy.under(Conditions.of_recipe(4)).body[0].first.end == 7


def test_a_network_that_is_not_quantised_has_the_weights_of_before():
    names = build_model("lean", 4, channels=8, blocks=1).state_dict()
    assert not [name for name in names if name.endswith("end")]
