import torch
from torch import nn
from torch.nn import functional as F

from sen2naip_sr.models.blocks import ResidualBlock, SubPixelUpsampler, icnr_


def test_icnr_starts_as_a_nearest_neighbour_resize():
    convolution = nn.Conv2d(3, 4 * 5, 3, padding=1)
    icnr_(convolution, scale=2)
    features = torch.rand(2, 3, 6, 7)
    shuffled = F.pixel_shuffle(convolution(features), 2)
    assert torch.equal(shuffled, F.interpolate(shuffled[..., ::2, ::2], scale_factor=2))


def test_icnr_keeps_output_channels_different():
    convolution = nn.Conv2d(3, 9 * 5, 3, bias=False)
    icnr_(convolution, scale=3)
    kernels = {tuple(kernel.flatten().tolist()) for kernel in convolution.weight}
    assert len(kernels) == 5


def test_upsampler_starts_without_a_checkerboard():
    upscaled = SubPixelUpsampler(8)(torch.rand(1, 8, 5, 5))
    assert upscaled.shape == (1, 8, 10, 10)
    assert torch.equal(upscaled, F.interpolate(upscaled[..., ::2, ::2], scale_factor=2))


def test_residual_block_without_weights_passes_the_positive_part():
    block = ResidualBlock(2)
    for weights in block.parameters():
        nn.init.zeros_(weights)
    features = torch.randn(1, 2, 4, 4)
    assert torch.equal(block(features), features.clamp(min=0))
