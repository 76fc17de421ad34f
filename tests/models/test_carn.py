import torch
from torch import nn

from sen2naip_sr.models.blocks import ResidualBlock
from sen2naip_sr.models.cost import count_parameters, multiply_adds
from sen2naip_sr.models.networks.carn import CARN, Cascade
from sen2naip_sr.models.registry import build_model

TWO_MEAN_SHIFTS = 2 * (3 * 3 + 3)


def upsampler_size(scale, channels=64):
    """Numbers of a 3 x 3 convolution with biases to ``scale ** 2`` sub-pixels."""
    return scale**2 * channels * (9 * channels + 1)


def test_size_is_the_published_one_less_the_two_mean_shifts():
    model = build_model("carn", 3)
    assert count_parameters(model) == 964_187 - TWO_MEAN_SHIFTS


def test_size_with_the_upsamplers_of_three_scales_is_that_of_the_paper():
    for_3x, for_4x = upsampler_size(3), 2 * upsampler_size(2)
    published = count_parameters(build_model("carn", 3)) + TWO_MEAN_SHIFTS + for_3x + for_4x
    assert round(published / 1000) == 1592


def test_multiply_adds_are_those_of_the_paper():
    assert round(multiply_adds(build_model("carn", 3), 3, 360, 640) / 1e8) == 2228


def test_receptive_field_of_the_published_size():
    # entry 1, 9 residual blocks of 2 each, upsampler 1, and the exit reaches 1 HR pixel further
    assert build_model("carn", 4).receptive_field == 21


def test_input_is_centred_on_one_half():
    model = CARN(2, channels=4, blocks=1, units=1)
    nn.init.ones_(model.exit.weight)
    for bias in (values for name, values in model.named_parameters() if name.endswith("bias")):
        nn.init.zeros_(bias)
    grey = torch.full((1, 2, 5, 5), 0.5)
    assert torch.equal(model(grey), torch.full((1, 2, 10, 10), 0.5))


def test_cascade_fuses_the_input_and_every_stage_so_far():
    torch.manual_seed(0)
    cascade = Cascade([ResidualBlock(3), ResidualBlock(3)], 3)
    features = torch.rand(1, 3, 6, 6)
    one = cascade.stages[0](features)
    fused = cascade.fusions[0](torch.cat([features, one], 1)).relu()
    two = cascade.stages[1](fused)
    expected = cascade.fusions[1](torch.cat([features, one, two], 1)).relu()
    assert torch.equal(cascade(features), expected)
