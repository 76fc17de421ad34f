import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.discriminator import (
    PatchDiscriminator,
    UNetDiscriminator,
    build_discriminator,
)

KINDS = ("unet", "patch")


def gains(discriminator):
    """Largest singular values of the convolutions that are normalised, by a full decomposition."""
    return [
        torch.linalg.matrix_norm(module.weight.flatten(1), ord=2).item()
        for module in discriminator.modules()
        if hasattr(module, "parametrizations")
    ]


@settings(max_examples=5, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_unet_scores_every_pixel_of_images_of_any_size(height, width):
    scores = UNetDiscriminator(3, channels=2)(torch.rand(2, 3, height, width))
    assert scores.shape == (2, 1, height, width)


def test_padding_changes_no_score_that_lies_far_from_it():
    torch.manual_seed(0)
    discriminator = UNetDiscriminator(1, channels=2).eval()
    image = torch.rand(1, 1, 136, 136)
    found = discriminator(image[..., :131, :133])
    torch.testing.assert_close(found[..., :64, :64], discriminator(image)[..., :64, :64])


@pytest.mark.parametrize(("layers", "side"), [(1, 16), (2, 34), (3, 70)])
def test_a_patch_score_sees_the_published_number_of_pixels(layers, side):
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(1, channels=2, layers=layers).eval()
    image = torch.rand(1, 1, 96, 96, requires_grad=True)
    scores = discriminator(image)
    middle = scores.shape[-1] // 2
    scores[0, 0, middle, middle].backward()
    assert scores.shape[-1] == 96 // 2**layers - 2
    assert image.grad[0, 0].any(dim=0).sum() == image.grad[0, 0].any(dim=1).sum() == side


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_smallest_image_for_patches_has_one_score_and_a_smaller_one_is_refused(layers):
    discriminator = PatchDiscriminator(1, channels=1, layers=layers)
    side = 3 * 2**layers
    assert discriminator(torch.rand(1, 1, side, side)).shape == (1, 1, 1, 1)
    with pytest.raises(UserError, match=f"at least {side} pixels"):
        discriminator(torch.rand(1, 1, side, side - 1))


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_is_scored_on_its_own(kind):
    torch.manual_seed(0)
    discriminator = build_discriminator(kind, 2, 2, True).eval()
    images = torch.rand(3, 2, 16, 16)
    torch.testing.assert_close(discriminator(images)[1:2], discriminator(images[1:2]))


@pytest.mark.parametrize(("kind", "normalised"), [("unet", 8), ("patch", 2)])
def test_normalised_layers_have_gain_one(kind, normalised):
    torch.manual_seed(0)
    discriminator = build_discriminator(kind, 1, 2, True)
    for _ in range(15):
        discriminator(torch.zeros(1, 1, 16, 16))
    assert gains(discriminator.eval()) == pytest.approx([1.0] * normalised, abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_without_normalisation_no_layer_has_any(kind):
    assert gains(build_discriminator(kind, 1, 2, False)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_leaves_the_normalised_weights_as_they_are(kind):
    torch.manual_seed(0)
    discriminator = build_discriminator(kind, 1, 2, True)
    before = {name: tensor.clone() for name, tensor in discriminator.state_dict().items()}
    discriminator(torch.rand(1, 1, 16, 16))
    full = {name: tensor.clone() for name, tensor in discriminator.state_dict().items()}
    discriminator.load_state_dict(before)
    with torch.autocast("cpu", torch.bfloat16):
        discriminator(torch.rand(1, 1, 16, 16))
    half = discriminator.state_dict()
    assert any(not torch.equal(full[name], before[name]) for name in full)
    assert all(torch.equal(full[name], half[name]) for name in full)


@pytest.mark.parametrize("kind", KINDS)
def test_second_derivatives_are_those_of_finite_differences(kind):
    torch.manual_seed(0)
    discriminator = build_discriminator(kind, 1, 1, False).double()
    image = torch.rand(1, 1, 13, 13, dtype=torch.float64)

    def slope(weight):
        leaf = image.clone().requires_grad_()
        values = {"entry.weight": weight}
        scores = torch.func.functional_call(discriminator, values, (leaf,))
        return torch.autograd.grad(scores.sum(), leaf, create_graph=True)[0].square().sum()

    weight = discriminator.entry.weight.detach().requires_grad_()
    assert torch.autograd.gradcheck(slope, weight, eps=1e-7, atol=1e-5, rtol=1e-3)


def test_unknown_kinds_are_refused():
    with pytest.raises(KeyError, match="oracle"):
        build_discriminator("oracle", 1, 1, True)
