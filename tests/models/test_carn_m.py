import pytest
import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.cost import count_parameters, multiply_adds
from sen2naip_sr.models.networks.carn_m import CARNM
from sen2naip_sr.models.registry import build_model


def without_biases(model):
    return sum(p.numel() for name, p in model.named_parameters() if not name.endswith("bias"))


def test_size_with_the_upsamplers_of_three_scales_is_that_of_the_paper():
    model = build_model("carn_m", 3)
    channels, groups = 64, 4
    for_2x, for_3x = (9 * channels * s**2 * channels // groups for s in (2, 3))
    for_4x = 2 * for_2x
    biases = (9 + 4 + 4) * channels
    assert without_biases(model) + for_3x + for_4x == 412_032
    assert count_parameters(model) == 257_027
    assert count_parameters(model) + for_3x + for_4x + biases == 414_787


def test_multiply_adds_are_those_of_the_paper():
    assert round(multiply_adds(build_model("carn_m", 3), 3, 360, 640) / 1e8) == 912


def test_units_of_a_block_share_weights_and_blocks_do_not():
    few, many = (build_model("carn_m", 4, units=units, blocks=2) for units in (1, 5))
    for model in (few, many):
        convolutions = [name for name in model.state_dict() if name.endswith("first.weight")]
        assert len(convolutions) == 2
    tensors = list(many.state_dict().values())
    assert len({tensor.data_ptr() for tensor in tensors}) == len(tensors)


def test_a_block_is_applied_as_often_as_there_are_units():
    torch.manual_seed(0)
    block = CARNM(1, channels=4, groups=2, blocks=1, units=2).body.stages[0]
    unit, first, second = block.stages[0], *block.fusions
    features = torch.rand(1, 4, 6, 6)
    once = unit(features)
    fused = first(torch.cat([features, once], 1)).relu()
    expected = second(torch.cat([features, once, unit(fused)], 1)).relu()
    assert torch.equal(block(features), expected)


def test_channels_that_do_not_fill_the_groups_are_refused():
    with pytest.raises(UserError, match=r"channels \(10\).*multiple of groups \(4\)"):
        build_model("carn_m", 4, channels=10)
