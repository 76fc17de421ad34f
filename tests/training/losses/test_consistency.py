import pytest
import torch

from sen2naip_sr.degradation import RECIPES, Recipe, get_recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.losses.consistency import consistency_loss

HR = torch.rand((2, 4, 64, 64), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", RECIPES)
def test_crops_of_the_truth_are_consistent(name):
    recipe = get_recipe(name)
    lr = recipe.downscale(HR, None)
    loss = consistency_loss(HR[..., 16:48, 8:40], lr[..., 8:24, 4:20], recipe)
    assert loss.item() == pytest.approx(0, abs=1e-6)


def test_a_constant_error_is_the_loss():
    recipe = get_recipe("area")
    loss = consistency_loss(HR + 0.125, recipe.downscale(HR, None), recipe)
    assert loss.item() == pytest.approx(0.125, abs=1e-6)


def test_detail_that_downscaling_removes_costs_nothing():
    recipe = get_recipe("area")
    checkerboard = torch.tensor([[0.1, -0.1], [-0.1, 0.1]]).repeat(32, 32)
    loss = consistency_loss(HR + checkerboard, recipe.downscale(HR, None), recipe)
    assert loss.item() == pytest.approx(0, abs=1e-6)


def test_noise_is_left_out():
    seeds = []

    def downscale(images, seed):
        seeds.append(seed)
        return images[..., ::2, ::2]

    consistency_loss(HR, HR[..., ::2, ::2], Recipe("every_second", 1, "", downscale, 0))
    assert seeds == [None]


def test_refuses_crops_that_are_all_border():
    with pytest.raises(UserError, match=r"4 x 9 low-resolution[\s\S]*at least 5 LR"):
        consistency_loss(
            torch.rand(1, 4, 8, 18), torch.rand(1, 4, 4, 9), get_recipe("bicubic_antialiased")
        )
