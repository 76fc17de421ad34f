"""What a network is told about an image, and what it does with it."""

import pytest
import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.conditions import (
    BatchConditions,
    Conditions,
    encoded_size,
    equivalent_width,
)
from sen2naip_sr.models.registry import build_model

TOLD = Conditions((0.01, 0.02, 0.0, 0.03), ((0.5, 0.6),) * 4, 0.2)


def conditioned():
    """A network whose weights are none that it starts with."""
    torch.manual_seed(0)
    network = build_model("lean", 4, channels=6, blocks=2, conditions=True).eval()
    with torch.no_grad():
        for values in network.parameters():
            values.add_(torch.randn_like(values), alpha=0.1)
    return network


def modulated(network, image, conditions):
    """The network's result with scales and shifts applied to feature maps, not to weights."""
    scales, shifts = network.modulation(conditions.encode(4))

    def layer(convolution, maps, index):
        scale, shift = scales[index], shifts[index]
        return convolution(maps) * scale[:, None, None] + shift[:, None, None]

    entered = layer(network.entry, image - 0.5, 0)
    maps = entered
    *blocks, last = network.body
    for k, block in enumerate(blocks):
        inner = torch.relu(layer(block.first, maps, 2 * k + 1))
        maps = maps + layer(block.second, inner, 2 * k + 2)
    total = entered + layer(last, maps, 2 * len(blocks) + 1)
    upscaled = torch.nn.functional.interpolate(image, scale_factor=2, mode="bicubic")
    return upscaled + torch.nn.functional.pixel_shuffle(network.exit(total), 2)


@pytest.mark.parametrize("conditions", [TOLD, Conditions.unknown(), Conditions.of_recipe(4)])
def test_folded_weights_compute_what_modulated_feature_maps_give(conditions):
    network, image = conditioned(), torch.rand(2, 4, 9, 7)
    with torch.no_grad():
        expected = modulated(network, image, conditions)
        torch.testing.assert_close(network.under(conditions)(image), expected)


def test_a_batch_of_conditions_is_applied_image_by_image():
    network, images = conditioned(), torch.rand(3, 4, 9, 7)
    told = [TOLD, Conditions.unknown(), Conditions.of_recipe(4)]
    with torch.no_grad():
        together = network(images, torch.stack([conditions.encode(4) for conditions in told]))
        apart = [network.under(one)(image[None]) for one, image in zip(told, images, strict=True)]
    torch.testing.assert_close(together, torch.cat(apart))


def test_a_network_without_conditions_refuses_them():
    network = build_model("lean", 4, channels=6, blocks=2)
    with pytest.raises(UserError) as caught:
        network(torch.rand(1, 4, 8, 8), TOLD.encode(4)[None])
    assert caught.value.code == "conditions-unused"


def test_a_batch_is_encoded_as_its_images_are():
    batch = BatchConditions(
        noise=torch.tensor([TOLD.noise, (0.1,) * 4]),
        vertical=torch.tensor([[0.5] * 4, [0.9] * 4]),
        horizontal=torch.tensor([[0.6] * 4, [0.9] * 4]),
        compression=torch.tensor([0.2, 0.5]),
        noise_known=torch.tensor([True, False]),
        blur_known=torch.tensor([True, False]),
        compression_known=torch.tensor([True, False]),
    )
    apart = torch.stack([TOLD.encode(4), Conditions.unknown().encode(4)])
    torch.testing.assert_close(batch.encode(), apart)


def test_it_is_told_the_recipe_unless_told_something_else():
    network, image = conditioned(), torch.rand(1, 4, 8, 8)
    assert torch.equal(network(image), network.under(Conditions.of_recipe(4))(image))
    assert not torch.equal(network(image), network.under(TOLD)(image))


def test_a_network_without_conditions_is_the_same_under_all():
    network = build_model("lean", 4, channels=6, blocks=2)
    assert network.under(TOLD) is network


def test_told_networks_are_plain_ones():
    plain = conditioned().under(TOLD)
    names = build_model("lean", 4, channels=6, blocks=2).state_dict().keys()
    assert plain.state_dict().keys() == names


def test_what_is_unknown_is_zero_and_says_so():
    encoded = Conditions.unknown().encode(3)
    assert encoded.shape == (encoded_size(3),)
    assert not encoded.any()
    assert TOLD.encode(4)[-3:].tolist() == [1, 1, 1]


def test_more_noise_blur_and_compression_are_larger_numbers():
    worse = Conditions((0.05,) * 4, ((0.9, 0.9),) * 4, 0.5)
    assert (worse.encode(4)[:-3] > TOLD.encode(4)[:-3]).all()


def test_values_for_other_bands_are_refused():
    with pytest.raises(UserError) as caught:
        Conditions((0.1,), None, None).encode(4)
    assert caught.value.code == "conditions-differ"


def test_width_of_a_gaussian_is_found_from_its_modulation():
    sigma = 0.7
    # a Gaussian sampled ten times a pixel
    fine = torch.arange(-200, 201, dtype=torch.float64) / 10
    kernel = torch.exp(-0.5 * (fine / sigma) ** 2)
    modulation = float((kernel * torch.cos(torch.pi * fine)).sum() / kernel.sum())
    assert equivalent_width(modulation) == pytest.approx(sigma, rel=1e-3)


def test_conditions_of_a_batch_are_those_of_its_images():
    one = Conditions((0.01, 0.02), ((0.4, 0.5), (0.6, 0.7)), 0.2)
    several = [one, Conditions(None, one.blur, None), Conditions(one.noise, None, 0.0)]

    def stacked(values):
        return torch.tensor(values, dtype=torch.float64)

    blur = stacked([each.blur or ((0, 0), (0, 0)) for each in several])
    batch = BatchConditions(
        noise=stacked([each.noise or (0, 0) for each in several]),
        vertical=blur[..., 0],
        horizontal=blur[..., 1],
        compression=stacked([each.compression or 0 for each in several]),
        noise_known=torch.tensor([each.noise is not None for each in several]),
        blur_known=torch.tensor([each.blur is not None for each in several]),
        compression_known=torch.tensor([each.compression is not None for each in several]),
    )
    assert batch.each() == several
