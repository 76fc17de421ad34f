"""The weights of the terms of a loss: fixed, or adapted in the course of a training."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sen2naip_sr.training.objective.adversarial_losses import Reduce, itself

RATE = 0.05
"""Step size of `GradientNormBalance`: the share of the way to a batch's ideal weights."""


class Balance(nn.Module):
    """Fixed weights.

    Args:
        shares: The weights of the terms, positive.
    """

    shares: Tensor

    def __init__(self, shares: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("shares", torch.tensor(shares), persistent=False)

    def weights(self) -> Tensor:
        """Return the current weights of the terms, (terms,)."""
        return self.shares

    def forward(self, terms: Sequence[Tensor]) -> Tensor:
        """Return the weighted sum of scalar terms, plus the cost of the weights."""
        return (self.weights() * torch.stack(list(terms))).sum()

    def rebalance(
        self, terms: Sequence[Tensor], shared: Tensor, scale: float, over_ranks: Reduce = itself
    ) -> None:
        """Adapt the weights to the gradients of the terms; fixed weights do not adapt."""


class UncertaintyBalance(Balance):
    """Weights learnt as the inverse of each term's variance.

    Kendall, Gal and Cipolla 2018, "Multi-Task Learning Using Uncertainty to Weigh Losses for
    Scene Geometry and Semantics", https://arxiv.org/abs/1705.07115, in its form with
    log-variances: ``sum_i share_i (exp(-s_i) L_i + s_i)``, twice the paper's for equal shares of
    1. Its minimum over ``s_i`` is at ``log L_i``, where the gradient of each term is that of its
    logarithm times its share.

    Args:
        shares: The importance of each term; it is the initial weight (``s_i = 0``).
        likelihoods: Which terms are likelihoods, positive and at best 0. Others keep their weight.
    """

    likelihoods: Tensor

    def __init__(self, shares: Sequence[float], likelihoods: Sequence[bool]) -> None:
        super().__init__(shares)
        self.register_buffer("likelihoods", torch.tensor(likelihoods).float(), persistent=False)
        self.log_variances = nn.Parameter(torch.zeros(len(shares)))

    def weights(self) -> Tensor:
        """Return the current weights of the terms, (terms,)."""
        return self.shares * torch.exp(-self.log_variances * self.likelihoods)

    def forward(self, terms: Sequence[Tensor]) -> Tensor:
        """Return the weighted sum of scalar terms, plus the cost of the weights."""
        cost = (self.shares * self.log_variances * self.likelihoods).sum()
        return super().forward(terms) + cost


class GradientNormBalance(Balance):
    """Weights that give the gradients of the weighted terms the wanted lengths.

    Chen et al. 2018, "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep
    Multitask Networks", https://arxiv.org/abs/1711.02257. What differs:

    - alpha is 0: all terms compare the same images, so no term is a task that trains faster than
      another, and the paper's ratio to the first loss has no meaning for an adversarial term;
    - each term has its own share of the sum of the gradients' lengths; equal shares are the
      paper's case;
    - a gradient's length is linear in the term's weight, so the weights that minimise the paper's
      loss (equation 2) on a batch are known in closed form. A step covers `RATE` of the way there,
      in logarithms. The paper takes a gradient step, which depends on the scale of the losses.

    As in the paper, the sum of the weights is constant.

    Args:
        shares: The initial weights, and the relative lengths of the gradients.
    """

    log_weights: Tensor

    def __init__(self, shares: Sequence[float]) -> None:
        super().__init__(shares)
        self.register_buffer("log_weights", self.shares.log())

    def weights(self) -> Tensor:
        """Return the current weights of the terms, (terms,)."""
        return self.log_weights.exp()

    @torch.no_grad()
    def rebalance(
        self, terms: Sequence[Tensor], shared: Tensor, scale: float, over_ranks: Reduce = itself
    ) -> None:
        """Move `RATE` of the way to the ideal weights of these terms.

        A term without a gradient keeps its weight. If a gradient is not finite, all weights stay.
        """
        norms = torch.stack([_gradient_norm(term, shared, scale, over_ranks) for term in terms])
        known = norms > 0
        if not (norms.isfinite().all() and known.any()):
            return
        before = self.log_weights[known]
        after = before.lerp((self.shares / norms)[known].log(), RATE)
        self.log_weights[known] = after + before.logsumexp(dim=0) - after.logsumexp(dim=0)


def _gradient_norm(term: Tensor, shared: Tensor, scale: float, over_ranks: Reduce) -> Tensor:
    if not term.requires_grad:
        return torch.zeros_like(term)
    (gradient,) = torch.autograd.grad(
        term, shared, grad_outputs=torch.full_like(term, scale), retain_graph=True
    )
    return torch.linalg.vector_norm(over_ranks(gradient))
