"""What a discriminator and its generator minimise, given the discriminator's scores.

Losses are those of Lim and Ye 2017, "Geometric GAN", https://arxiv.org/abs/1705.02894 (hinge);
Jolicoeur-Martineau 2018, "The relativistic discriminator: a key element missing from standard
GAN", https://arxiv.org/abs/1807.00734 (relativistic average); and Gulrajani et al. 2017, "Improved
Training of Wasserstein GANs", https://arxiv.org/abs/1704.00028 (WGAN-GP). Scores are averaged over
the batch and, since a discriminator scores places, over these.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from sen2naip_sr.training.parameters.adversarial import AdversarialLossName


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, share: Tensor
) -> Tensor:
    """Return how far a critic's slope is from 1 between real and fake images.

    Gulrajani et al. 2017, equation 3: the mean squared difference to 1 of the L2 norm of the
    gradient of an image's score (the mean over its places) by the image, half way or elsewhere
    between a real and a fake one.

    Args:
        critic: Maps (B, C, H, W) to scores (B, ...), each image on its own.
        real: (B, C, H, W), float.
        fake: Same shape.
        share: How much of the real image is in the mixture (B,), in [0, 1].

    Returns:
        A scalar to be differentiated by the critic's weights.
    """
    mixture = torch.lerp(fake, real, share.view(-1, 1, 1, 1)).requires_grad_()
    scores = critic(mixture).reshape(len(mixture), -1).mean(dim=1)
    (gradient,) = torch.autograd.grad(scores.sum(), mixture, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def accuracy(loss: AdversarialLossName, real: Tensor, fake: Tensor) -> Tensor:
    """Return the share of scores that are on the right side, as the loss understands it.

    ``hinge``: of zero. Otherwise only differences of scores mean anything: of the mean score of
    the other kind, in ``wgan_gp`` image by image, since its critic's score is the mean over the
    places.

    Args:
        loss: The name of the loss.
        real: Scores of real images (B, ...).
        fake: Scores of fake images, same shape.

    Returns:
        A scalar in [0, 1]; 0.5 is chance.
    """
    if loss == "wgan_gp":
        real, fake = (scores.reshape(len(scores), -1).mean(dim=1) for scores in (real, fake))
    lower, upper = (0.0, 0.0) if loss == "hinge" else (fake.mean(), real.mean())
    return ((real > lower).float().mean() + (fake < upper).float().mean()) / 2


def _hinge(real: Tensor, fake: Tensor) -> Tensor:
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def _raise_fake(real: Tensor, fake: Tensor) -> Tensor:
    return -fake.mean()


def _relativistic(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(fake.mean() - real).mean() + F.softplus(fake - real.mean()).mean()


def _relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    return _relativistic(fake, real)


def _wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    return fake.mean() - real.mean()


Loss = Callable[[Tensor, Tensor], Tensor]
"""Maps scores of real and of fake images to a scalar."""

LOSSES: dict[AdversarialLossName, tuple[Loss, Loss]] = {
    "hinge": (_hinge, _raise_fake),
    "relativistic": (_relativistic, _relativistic_generator),
    "wgan_gp": (_wasserstein, _raise_fake),
}
"""The discriminator's loss and the generator's, by name."""
