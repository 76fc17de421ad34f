"""Figures that tell how a training goes: sizes of gradients, weights and updates."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

NEAR_ZERO = 1e-6
"""Gradients smaller than this count as near zero: absolute, for losses on values in [0, 1]."""


@torch.no_grad()
def snapshot(parameters: Iterable[Tensor]) -> list[Tensor]:
    """Return copies of the weights, to be compared after an optimiser step."""
    return [parameter.detach().clone() for parameter in parameters]


@torch.no_grad()
def step_dynamics(
    parameters: Sequence[Tensor],
    before: Sequence[Tensor],
    gradient_norm: Tensor,
    clip_norm: float,
) -> dict[str, float]:
    """Describe an optimiser step that was just taken.

    Args:
        parameters: The weights after the step; their gradients are still those of the step.
        before: The weights before it, by `snapshot`.
        gradient_norm: L2 norm of the gradient before it was clipped.
        clip_norm: What it was clipped to.

    Returns:
        ``gradient_l2``: the norm before clipping. ``weight_l2``: L2 norm of all weights.
        ``near_zero_gradients``: share of gradients whose absolute value before clipping is below
        `NEAR_ZERO`. ``update_to_weight``: L2 norm of the step divided by that of the weights.
    """
    gradients = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
    shortened = torch.clamp(clip_norm / (gradient_norm + 1e-6), max=1.0)
    weights = get_total_norm(parameters)
    update = get_total_norm(torch._foreach_sub(list(parameters), list(before)))
    return {
        "gradient_l2": float(gradient_norm),
        "weight_l2": float(weights),
        "near_zero_gradients": float((gradients.abs() < NEAR_ZERO * shortened).float().mean()),
        "update_to_weight": float(update / weights),
    }
