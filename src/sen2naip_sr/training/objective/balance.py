"""How the weights of the terms of a loss are chosen: fixed, or adapted while training."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

RATE = 0.05
"""The share of the way to a batch's ideal weights that `GradientNormBalance` goes in one step."""


class Balance(nn.Module):
    """Weights that stay as they are.

    Args:
        shares: The weights of the terms, positive.
    """

    shares: Tensor

    def __init__(self, shares: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("shares", torch.tensor(shares), persistent=False)

    def weights(self) -> Tensor:
        """Return the weights of the terms as they are now, (terms,)."""
        return self.shares

    def forward(self, terms: Sequence[Tensor]) -> Tensor:
        """Return the weighted sum of scalar terms, and what their weights cost."""
        return (self.weights() * torch.stack(list(terms))).sum()

    def rebalance(self, terms: Sequence[Tensor], shared: Tensor, scale: float) -> None:
        """Adapt the weights to the gradients of the terms; here: leave them."""


class UncertaintyBalance(Balance):
    """Weights learnt as the inverse of each term's variance.

    Kendall, Gal and Cipolla 2018, "Multi-Task Learning Using Uncertainty to Weigh Losses for
    Scene Geometry and Semantics", https://arxiv.org/abs/1705.07115, in its form with
    log-variances: ``sum_i share_i (exp(-s_i) L_i + s_i)``, twice the paper's for equal shares of
    1. Its minimum over ``s_i`` is at ``log L_i``, where the gradient of each term is that of its
    logarithm times its share.

    Args:
        shares: How much each term counts; with ``s_i = 0``, as at the start, its weight.
        likelihoods: Which terms are likelihoods, positive and 0 at best. Others keep their weight.
    """

    likelihoods: Tensor

    def __init__(self, shares: Sequence[float], likelihoods: Sequence[bool]) -> None:
        super().__init__(shares)
        self.register_buffer("likelihoods", torch.tensor(likelihoods).float(), persistent=False)
        self.log_variances = nn.Parameter(torch.zeros(len(shares)))

    def weights(self) -> Tensor:
        """Return the weights of the terms as they are now, (terms,)."""
        return self.shares * torch.exp(-self.log_variances * self.likelihoods)

    def forward(self, terms: Sequence[Tensor]) -> Tensor:
        """Return the weighted sum of scalar terms, and what their weights cost."""
        cost = (self.shares * self.log_variances * self.likelihoods).sum()
        return super().forward(terms) + cost


class GradientNormBalance(Balance):
    """Weights that give the gradients of the weighted terms the lengths asked for.

    Chen et al. 2018, "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep
    Multitask Networks", https://arxiv.org/abs/1711.02257. What differs:

    - alpha is 0: the terms judge the same image, so none is a task that trains faster than
      another, and the paper's ratio to the first loss has no meaning for an adversarial term;
    - each term's gradient is to have its share of the sum of their lengths; equal shares are the
      paper's case;
    - a gradient's length is linear in the term's weight, so the weights that minimise the paper's
      loss (equation 2) on a batch are known, and `RATE` of the way there is gone in logarithms.
      The paper takes a gradient step, which depends on the scale of the losses.

    As in the paper, the sum of the weights stays what it was.

    Args:
        shares: The weights at the start, and how long the gradients are to be, relatively.
    """

    log_weights: Tensor

    def __init__(self, shares: Sequence[float]) -> None:
        super().__init__(shares)
        self.register_buffer("log_weights", self.shares.log())

    def weights(self) -> Tensor:
        """Return the weights of the terms as they are now, (terms,)."""
        return self.log_weights.exp()

    @torch.no_grad()
    def rebalance(self, terms: Sequence[Tensor], shared: Tensor, scale: float) -> None:
        """Go `RATE` of the way to the weights that are right for these terms.

        A term without a gradient keeps its weight; where one is not finite, all do.
        """
        norms = torch.stack([_gradient_norm(term, shared, scale) for term in terms])
        known = norms > 0
        if not (norms.isfinite().all() and known.any()):
            return
        before = self.log_weights[known]
        after = before.lerp((self.shares / norms)[known].log(), RATE)
        self.log_weights[known] = after + before.logsumexp(dim=0) - after.logsumexp(dim=0)


def _gradient_norm(term: Tensor, shared: Tensor, scale: float) -> Tensor:
    if not term.requires_grad:
        return torch.zeros_like(term)
    (gradient,) = torch.autograd.grad(
        term, shared, grad_outputs=torch.full_like(term, scale), retain_graph=True
    )
    return torch.linalg.vector_norm(gradient)
