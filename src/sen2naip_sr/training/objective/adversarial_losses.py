"""The losses of a discriminator and its generator, as functions of the discriminator's scores.

The losses are those of Lim and Ye 2017, "Geometric GAN", https://arxiv.org/abs/1705.02894 (hinge);
Jolicoeur-Martineau 2018, "The relativistic discriminator: a key element missing from standard
GAN", https://arxiv.org/abs/1807.00734 (relativistic average); and Gulrajani et al. 2017, "Improved
Training of Wasserstein GANs", https://arxiv.org/abs/1704.00028 (WGAN-GP). Scores are averaged over
the batch and over the positions that the discriminator scores.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from sen2naip_sr.training.parameters.losses import AdversarialLossName

Reduce = Callable[[Tensor], Tensor]
"""Returns the mean over all processes of a tensor that is a mean over this one's crops."""


def itself(mean: Tensor) -> Tensor:
    """Return the mean of the only process."""
    return mean


def widened(tensor: Tensor) -> Tensor:
    """Return a tensor in float32, or in float64 if it is."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, share: Tensor
) -> Tensor:
    """Return the penalty on a critic's slope that differs from 1 between real and fake images.

    Gulrajani et al. 2017, equation 3: the mean squared difference from 1 of the L2 norm of the
    gradient of an image's score (its mean over positions) with respect to the image, at a mixture
    of a real and a fake image.

    Args:
        critic: Maps (B, C, H, W) to scores (B, ...), each image independently.
        real: (B, C, H, W), float.
        fake: Same shape.
        share: The share of the real image in the mixture (B,), in [0, 1].

    Returns:
        A scalar, differentiable with respect to the critic's weights.
    """
    mixture = torch.lerp(fake, real, share.view(-1, 1, 1, 1)).requires_grad_()
    scores = critic(mixture).reshape(len(mixture), -1).mean(dim=1)
    (gradient,) = torch.autograd.grad(scores.sum(), mixture, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def accuracy(
    loss: AdversarialLossName, real: Tensor, fake: Tensor, over_ranks: Reduce = itself
) -> Tensor:
    """Return the share of scores on the correct side of a threshold.

    The threshold of ``hinge`` is zero. Of the other losses only differences of scores have a
    meaning, so the threshold is the mean score of the other kind. ``wgan_gp`` compares the mean
    score of each image, which is the score of its critic.

    Args:
        loss: The name of the loss.
        real: Scores of real images (B, ...).
        fake: Scores of fake images, same shape.
        over_ranks: Returns the mean over all processes.

    Returns:
        A scalar in [0, 1]; 0.5 is chance.
    """
    if loss == "wgan_gp":
        real, fake = (scores.reshape(len(scores), -1).mean(dim=1) for scores in (real, fake))
    lower: float | Tensor = 0.0
    upper: float | Tensor = 0.0
    if loss != "hinge":
        lower, upper = over_ranks(fake.mean()), over_ranks(real.mean())
    return ((real > lower).float().mean() + (fake < upper).float().mean()) / 2


def _hinge(real: Tensor, fake: Tensor, over_ranks: Reduce = itself) -> Tensor:
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def _raise_fake(real: Tensor, fake: Tensor, over_ranks: Reduce = itself) -> Tensor:
    return -fake.mean()


def _relativistic(real: Tensor, fake: Tensor, over_ranks: Reduce = itself) -> Tensor:
    below, above = over_ranks(fake.mean()), over_ranks(real.mean())
    return F.softplus(below - real).mean() + F.softplus(fake - above).mean()


def _relativistic_generator(real: Tensor, fake: Tensor, over_ranks: Reduce = itself) -> Tensor:
    return _relativistic(fake, real, over_ranks)


def _wasserstein(real: Tensor, fake: Tensor, over_ranks: Reduce = itself) -> Tensor:
    return fake.mean() - real.mean()


Loss = Callable[[Tensor, Tensor, Reduce], Tensor]
"""Maps scores of real and of fake images, and the mean over processes, to a scalar."""

LOSSES: dict[AdversarialLossName, tuple[Loss, Loss]] = {
    "hinge": (_hinge, _raise_fake),
    "relativistic": (_relativistic, _relativistic_generator),
    "wgan_gp": (_wasserstein, _raise_fake),
}
"""The losses of the discriminator and of the generator, by name."""
