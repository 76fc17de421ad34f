import math

import pytest
import torch

from sen2naip_sr.training.objective.adversarial_losses import LOSSES, accuracy, gradient_penalty
from sen2naip_sr.training.parameters.losses import AdversarialLossName

NAMES = ("hinge", "relativistic", "wgan_gp")


def test_losses_of_a_discriminator_that_cannot_tell():
    scores = torch.zeros(3, 1, 4, 4)
    of_chance = {name: LOSSES[name][0](scores, scores).item() for name in NAMES}
    assert of_chance == pytest.approx({"hinge": 2, "relativistic": 2 * math.log(2), "wgan_gp": 0})


def test_losses_equal_their_equations():
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-0.5, 0.1])
    sigmoid = torch.sigmoid
    assert LOSSES["hinge"][0](real, fake) == pytest.approx((0 + 0.5 + 0.5 + 1.1) / 2)
    assert LOSSES["wgan_gp"][0](real, fake) == pytest.approx(-0.2 - 1.25)
    # Jolicoeur-Martineau 2018, section 4.2: cross-entropies of D(x) = sigmoid(C(x) - mean C(y))
    told = sigmoid(real - fake.mean()).log().mean() + (1 - sigmoid(fake - real.mean())).log().mean()
    fooled = sigmoid(fake - real.mean()).log().mean()
    fooled += (1 - sigmoid(real - fake.mean())).log().mean()
    assert LOSSES["relativistic"][0](real, fake).item() == pytest.approx(-told.item())
    assert LOSSES["relativistic"][1](real, fake).item() == pytest.approx(-fooled.item())
    assert set(LOSSES) == set(AdversarialLossName.__args__)


def test_accuracy_follows_each_losss_own_decision():
    # two images of two places: the third real score is below zero, and below the mean of the fake
    real, fake = torch.tensor([[3.0, 1.0], [-1.0, 2.0]]), torch.tensor([[-2.0, 0.5], [1.0, -1.0]])
    found = {name: accuracy(name, real, fake).item() for name in NAMES}
    # means 1.25 and -0.375; of the images 2, 0.5 and -0.75, 0
    assert found == {"hinge": 5 / 8, "relativistic": 7 / 8, "wgan_gp": 1}
    assert {accuracy(name, real, real).item() for name in ("relativistic", "wgan_gp")} == {0.5}


@pytest.mark.parametrize("loss", NAMES)
def test_the_generator_is_rewarded_for_higher_scores(loss):
    fake = torch.zeros(2, 1, 3, 3, requires_grad=True)
    LOSSES[loss][1](torch.ones(2, 1, 3, 3), fake).backward()
    assert (fake.grad < 0).all()


def test_penalty_of_a_linear_critic_is_that_of_its_slope():
    weights = torch.randn(2, 5, 5, generator=torch.Generator().manual_seed(0))
    weights.requires_grad_()
    found = gradient_penalty(
        lambda image: (image * weights).sum(dim=(1, 2, 3)),
        torch.rand(3, 2, 5, 5),
        torch.rand(3, 2, 5, 5),
        torch.rand(3),
    )
    expected = (weights.norm() - 1) ** 2
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(
        torch.autograd.grad(found, weights)[0], torch.autograd.grad(expected, weights)[0]
    )


def test_penalty_is_taken_between_real_and_fake():
    real, fake = torch.full((2, 1, 3, 3), 1.0), torch.full((2, 1, 3, 3), 5.0)
    seen = []

    def critic(image):
        seen.append(image.detach())
        return image.sum(dim=(1, 2, 3))

    gradient_penalty(critic, real, fake, torch.tensor([0.25, 1.0]))
    assert seen[0][:, 0, 0, 0].tolist() == [4, 1]
