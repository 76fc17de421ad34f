import re
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from sen2naip_sr.models.cost import count_parameters, multiply_adds, widest_layer
from sen2naip_sr.models.interpolation import INTERPOLATIONS
from sen2naip_sr.models.registry import MODELS, build_model

TABLE = re.compile(r"^\| `(\w+)` \| (default|`.+`) \| ([\d,]+) \| ([\d,]+) \|$", re.MULTILINE)
DOCUMENT = Path(__file__).parents[2] / "docs" / "models.md"
ROWS = TABLE.findall(DOCUMENT.read_text(encoding="utf-8"))
SIDE = 64


def number(text):
    return int(text.replace(",", ""))


def test_multiply_adds_of_known_layers():
    model = nn.Sequential(
        nn.Conv2d(4, 6, 3, padding=1, groups=2), nn.ReLU(), nn.Conv2d(6, 5, 1, stride=2)
    )
    assert multiply_adds(model, 4, 8, 10) == 8 * 10 * 6 * 2 * 9 + 4 * 5 * 5 * 6
    assert count_parameters(model) == 6 * 2 * 9 + 6 + 5 * 6 + 5


def test_counting_changes_nothing_in_the_model():
    model = build_model("unet", 2, widths=[4, 4], normalisation="batch")
    before = {name: values.clone() for name, values in model.state_dict().items()}
    multiply_adds(model, 2, 8, 8)
    after = model.state_dict()
    assert all(torch.equal(after[name], values) for name, values in before.items())


def test_shared_weights_count_once_and_frozen_ones_not_at_all():
    layer = nn.Conv2d(3, 3, 1, bias=False)
    frozen = nn.Conv2d(3, 3, 1).requires_grad_(False)
    assert count_parameters(nn.Sequential(layer, layer, frozen)) == 9


def test_the_linear_filter_costs_a_multiply_add_for_each_weight():
    model = build_model("linear", 4)
    assert (count_parameters(model), multiply_adds(model, 4, 8, 8)) == (0, 4 * 4 * 81 * 8 * 8)


@pytest.mark.parametrize("name", INTERPOLATIONS)
def test_interpolations_cost_nothing_that_is_counted(name):
    model = build_model(name, 4)
    assert (count_parameters(model), multiply_adds(model, 4, 8, 8)) == (0, 0)


def test_every_network_is_in_the_documentation_at_its_default_size():
    documented = {name for name, size, *_ in ROWS if size == "default"}
    assert documented == {name for name, spec in MODELS.items() if spec.trainable}


@pytest.mark.parametrize(("name", "size", "parameters", "cost"), ROWS)
def test_documented_costs_are_right(name, size, parameters, cost):
    with torch.device("meta"):
        architecture = {} if size == "default" else yaml.safe_load(f"{{{size.strip('`')}}}")
        model = build_model(name, 4, **architecture)
    assert count_parameters(model) == number(parameters)
    assert multiply_adds(model, 4, SIDE, SIDE) == number(cost) * SIDE**2


def test_widest_layer_is_a_convolution_of_the_body():
    channels = 16
    assert widest_layer(build_model("lean", 4, channels=channels, blocks=1), 4) == 2 * channels


def test_widest_layer_is_the_exit_where_channels_are_few():
    # it makes four sub-pixels of each band
    assert widest_layer(build_model("lean", 4, channels=2, blocks=1), 4) == 2 + 4 * 4


def test_conditions_cost_the_same_whatever_the_image():
    plain, told = (build_model("lean", 4, blocks=7, conditions=told) for told in (False, True))
    added = {multiply_adds(told, 4, n, n) - multiply_adds(plain, 4, n, n) for n in (8, 16)}
    assert added == {49_664}
    assert count_parameters(told) - count_parameters(plain) == 51_232
