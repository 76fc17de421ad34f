import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.blocks import (
    EfficientResidualBlock,
    GlobalResidualNetwork,
    ResidualBlock,
    SubPixelUpsampler,
    icnr_,
    zeroed,
)


class Brighter(GlobalResidualNetwork):
    def correction(self, image, upscaled):
        return 0.25 * torch.ones_like(upscaled)


def test_the_correction_is_added_to_bicubic():
    image = torch.rand(2, 3, 4, 5)
    bicubic = F.interpolate(image, scale_factor=2, mode="bicubic", align_corners=False)
    assert torch.equal(Brighter(3)(image), bicubic + 0.25)


def test_other_bands_are_answered_with_both_counts():
    with pytest.raises(UserError, match="built for 3 bands and got 4"):
        Brighter(3)(torch.rand(1, 4, 2, 2))


def test_other_bands_are_answered_after_compilation_too():
    torch.compiler.reset()
    compiled = torch.compile(Brighter(3), backend="eager")
    assert compiled(torch.rand(1, 3, 2, 2)).shape == (1, 3, 4, 4)
    with pytest.raises(UserError, match="built for 3 bands and got 4"):
        compiled(torch.rand(1, 4, 2, 2))


@pytest.mark.parametrize("bias", [True, False])
def test_zeroed_convolutions_give_zero(bias):
    convolution = zeroed(nn.Conv2d(2, 3, 3, bias=bias))
    assert not convolution(torch.rand(1, 2, 5, 5)).any()


def test_efficient_residual_block_mixes_groups_only_by_its_last_convolution():
    block = EfficientResidualBlock(4, groups=2)
    nn.init.dirac_(block.pointwise.weight)
    features = torch.rand(1, 4, 6, 6).requires_grad_()
    block(features)[:, :2].sum().backward()
    assert features.grad[:, :2].any()
    assert not features.grad[:, 2:].any()


@pytest.mark.parametrize("block", [ResidualBlock(2), EfficientResidualBlock(2, 2)])
def test_residual_blocks_without_weights_pass_the_positive_part(block):
    for weights in block.parameters():
        nn.init.zeros_(weights)
    features = torch.randn(1, 2, 4, 4)
    assert torch.equal(block(features), features.clamp(min=0))


def test_a_residual_block_without_weights_passes_everything_where_no_relu_follows():
    block = ResidualBlock(2, relu_after_sum=False)
    for weights in block.parameters():
        nn.init.zeros_(weights)
    features = torch.randn(1, 2, 4, 4)
    assert torch.equal(block(features), features)


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


@pytest.mark.parametrize("groups", [1, 4])
def test_upsampler_starts_without_a_checkerboard(groups):
    upscaled = SubPixelUpsampler(8, groups)(torch.rand(1, 8, 5, 5))
    assert upscaled.shape == (1, 8, 10, 10)
    torch.testing.assert_close(upscaled, F.interpolate(upscaled[..., ::2, ::2], scale_factor=2))
