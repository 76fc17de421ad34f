import pytest
import torch
from torch import nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.cost import count_parameters
from sen2naip_sr.models.registry import build_model

CLASSIC = [64, 128, 256, 512, 1024]


def unet(bands, widths, **options):
    return build_model("unet", bands, widths=widths, **options)


def classic(**options):
    with torch.device("meta"):
        return unet(4, CLASSIC, **options)


def test_classic_widths_have_the_classic_size():
    sub_pixel_biases = 3 * (64 + 128 + 256 + 512)
    assert count_parameters(classic(normalisation="batch")) == 31_038_404 + sub_pixel_biases
    assert count_parameters(classic()) == 31_035_396


def test_classic_widths_have_the_layers_of_the_paper():
    layers = [m for m in classic().modules() if isinstance(m, nn.Conv2d)]
    assert sum(layer.kernel_size == (3, 3) for layer in layers) == 18
    assert sum(layer.kernel_size == (1, 1) for layer in layers) == 4 + 1  # upsamplers, exit


@pytest.mark.parametrize(("levels", "multiple"), [(1, 1), (2, 1), (3, 2), (4, 4), (5, 8)])
def test_tiles_begin_on_the_pooling_grid(levels, multiple):
    # the grid is of 2 ** (levels - 1) high-resolution pixels
    assert unet(1, [2] * levels).multiple == multiple


def test_sub_pixel_upsampling_is_a_transposed_convolution():
    torch.manual_seed(0)
    upsampler = unet(1, [3, 5]).upsamplers[0].convolution
    nn.init.normal_(upsampler.weight)
    nn.init.constant_(upsampler.bias, 0.5)
    transposed = nn.ConvTranspose2d(5, 3, 2, stride=2)
    with torch.no_grad():
        transposed.weight.copy_(upsampler.weight.reshape(3, 2, 2, 5).permute(3, 0, 1, 2))
        transposed.bias.fill_(0.5)
    features = torch.rand(1, 5, 4, 6)
    upsampled = nn.functional.pixel_shuffle(upsampler(features), 2)
    torch.testing.assert_close(upsampled, transposed(features))


@pytest.mark.parametrize("upsampling", ["resize", "sub_pixel"])
def test_upsampling_starts_without_a_checkerboard(upsampling):
    upsample = unet(1, [3, 5], upsampling=upsampling).upsamplers[0]
    upsampled = upsample(torch.rand(2, 5, 4, 6))
    assert upsampled.shape == (2, 3, 8, 12)
    torch.testing.assert_close(
        upsampled, nn.functional.interpolate(upsampled[..., ::2, ::2], scale_factor=2)
    )


def test_features_keep_their_size_at_the_start():
    torch.manual_seed(0)
    model = unet(4, CLASSIC[:-1])
    features = torch.rand(1, 4, 32, 32)
    for level in [*model.encoder, model.bottom]:
        features = level(features)
    assert 0.2 < features.std() < 5


@pytest.mark.parametrize("normalisation", ["group", "instance"])
def test_with_these_normalisations_far_pixels_count(normalisation):
    torch.manual_seed(0)
    model = unet(1, [4, 4], normalisation=normalisation).eval()
    nn.init.normal_(model.exit.weight)
    image = torch.rand(1, 1, 64, 4).requires_grad_()
    model(image)[..., :2, :2].square().sum().backward()
    assert image.grad[..., -1, :].abs().sum() > 0
    assert model.receptive_field is None


def test_batch_normalisation_does_not_look_around_in_eval_mode():
    torch.manual_seed(0)
    model = unet(1, [4, 4], normalisation="batch").eval()
    nn.init.normal_(model.exit.weight)
    image = torch.rand(1, 1, 64, 4).requires_grad_()
    model(image)[..., :2, :2].square().sum().backward()
    assert image.grad[..., model.receptive_field + 1 :, :].abs().sum() == 0


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"widths": []}, "widths"),
        ({"widths": [8, 0]}, r"widths\.1"),
        ({"normalisation": "layer"}, "normalisation"),
        ({"upsampling": "transposed"}, "upsampling"),
        ({"convolutions": 0}, "convolutions"),
    ],
)
def test_mistakes_are_named(parameters, named):
    with pytest.raises(UserError, match=named):
        build_model("unet", 4, **parameters)


def test_widths_may_be_a_text_with_semicolons():
    assert build_model("unet", 4, widths="6;8").bottom[0].weight.shape == (8, 6, 3, 3)
