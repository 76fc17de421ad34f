"""Measurements of a training: gradients, weights, updates, and the noise of the gradient."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, distributed
from torch.distributed.tensor import DTensor
from torch.nn.utils import get_total_norm

from sen2naip_sr.training.holding.shards import own, whole

NEAR_ZERO = 1e-6
"""Gradients with a smaller absolute value count as near zero, for losses of values in [0, 1]."""


@torch.no_grad()
def snapshot(parameters: Iterable[Tensor]) -> list[Tensor]:
    """Return copies of the weights, for a comparison after an optimiser step."""
    return [parameter.detach().clone() for parameter in parameters]


@torch.no_grad()
def step_dynamics(
    parameters: Sequence[Tensor],
    before: Sequence[Tensor],
    gradient_norm: Tensor,
    clip_norm: float,
    averages: Sequence[Tensor] | None = None,
) -> dict[str, float]:
    """Measure the optimiser step that was just taken. Synchronises with the device once.

    In ``weight_snr`` the signal is the averaged weights, and the noise is their distance to the
    current ones: the ratio of mean to deviation of Blundell et al. 2015, "Weight
    Uncertainty in Neural Networks", https://arxiv.org/abs/1505.05424, section 5, over all weights
    together, with the iterates as samples of the weights' distribution, as in Maddox et al. 2019,
    "A Simple Baseline for Bayesian Uncertainty in Deep Learning",
    https://arxiv.org/abs/1902.02476. The lag of the average behind a steady drift counts as noise
    too.

    Args:
        parameters: The weights after the step, with the gradients of the step. They, ``before``
            and ``averages`` may be divided among processes, which then all call this.
        before: The weights before it, from `snapshot`.
        gradient_norm: L2 norm of the gradient before it was clipped.
        clip_norm: The L2 norm that the gradient was clipped to.
        averages: The averaged weights after the step; None leaves out ``weight_snr``.

    Returns:
        ``gradient_l2``: the norm before clipping. ``weight_l2``: L2 norm of all weights.
        ``near_zero_gradients``: share of gradients whose absolute value before clipping is below
        `NEAR_ZERO`. ``update_to_weight``: L2 norm of the step divided by that of the weights.
        ``weight_snr``: signal-to-noise ratio of the weights in dB, at most 138 (the resolution of
        float32).
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    shortened = torch.clamp(clip_norm / (gradient_norm + 1e-6), max=1.0)
    weights = whole(get_total_norm(parameters))
    figures = {
        "gradient_l2": gradient_norm,
        "weight_l2": weights,
        "near_zero_gradients": _share_below(gradients, NEAR_ZERO * shortened),
        "update_to_weight": _distance(parameters, before) / weights,
    }
    if averages is not None:
        signal, noise = whole(get_total_norm(averages)), _distance(parameters, averages)
        least = torch.finfo(torch.float32).eps
        figures["weight_snr"] = -20 * torch.log10((noise / signal).clamp(min=least))
    return dict(zip(figures, torch.stack(list(figures.values())).tolist(), strict=True))


def _share_below(tensors: Sequence[Tensor], limit: Tensor) -> Tensor:
    """Return the share of the values, those of all processes, that are closer to zero."""
    below = (torch.cat([own(tensor).flatten() for tensor in tensors]).abs() < limit).float()
    if not any(isinstance(tensor, DTensor) for tensor in tensors):
        return below.mean()
    counts = torch.stack([below.sum(), torch.full_like(limit, below.numel())]).double()
    distributed.all_reduce(counts)
    return (counts[0] / counts[1]).to(limit.dtype)


def _distance(some: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    return whole(get_total_norm([one - other for one, other in zip(some, others, strict=True)]))


def noise_scale(
    small_square: float, big_square: float, small_size: float, big_size: float
) -> tuple[float, float]:
    """Estimate the size of the true gradient and of its noise from batches of two sizes.

    McCandlish et al. 2018, "An Empirical Model of Large-Batch Training",
    https://arxiv.org/abs/1812.06162, appendix A.1: a batch of B independent samples has a
    gradient with the expected squared norm |G|^2 + tr(Sigma) / B, and two sizes give two
    equations. Both estimates are unbiased, so the first can be negative; their ratio is not.

    Args:
        small_square: Squared L2 norm of the gradient of a small batch, or the mean of such.
        big_square: Squared L2 norm of the gradient of a big batch, which may contain the small.
        small_size: Samples in the small batch; for a mean over several, their harmonic mean.
        big_size: Samples in the big batch, more than ``small_size``.

    Returns:
        |G|^2, the squared norm of the true gradient, and tr(Sigma), the summed variance of the
        gradient of one sample.
    """
    signal = (big_size * big_square - small_size * small_square) / (big_size - small_size)
    noise = (small_square - big_square) / (1 / small_size - 1 / big_size)
    return signal, noise


class PartGradients:
    """Squared norms of the gradients of a batch's parts, which add up to the batch's gradient.

    All parts are used. With two halves this gives the noise estimate of the least variance, which
    is never negative.

    Args:
        parameters: The weights, their gradients zero or None.
        batch_size: Samples in all parts together.
    """

    def __init__(self, parameters: Iterable[Tensor], batch_size: int) -> None:
        self._parameters = list(parameters)
        self._batch_size = batch_size
        self._total = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._squares: list[Tensor] = []
        self._sizes: list[int] = []

    @torch.no_grad()
    def add(self, size: int) -> None:
        """Add a part of ``size`` samples, directly after the backward pass of its loss.

        The loss is the mean over these samples times ``size / batch_size``.
        """
        total = [
            torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in self._parameters
        ]
        norm = _distance(total, self._total) * (self._batch_size / size)
        self._total = total
        self._squares.append(norm.square())
        self._sizes.append(size)

    def squares(self, gradient_norm: float) -> tuple[float, float, float, int]:
        """Return the arguments of `noise_scale`. Synchronises with the device once.

        Args:
            gradient_norm: L2 norm of the whole gradient, unscaled and before clipping. The parts
                are measured relative to it, so that a gradient scaler's factor cancels out.
        """
        whole = get_total_norm(self._total).square()
        ratio = float(torch.stack(self._squares).mean() / whole)
        size = len(self._sizes) / sum(1 / size for size in self._sizes)
        return ratio * gradient_norm**2, gradient_norm**2, size, self._batch_size


@dataclass
class NoiseScale:
    """Running estimates of the gradient's signal and noise.

    A single observation is too noisy. The two estimates are averaged separately, exponentially,
    and then divided, as in appendix A.1 of McCandlish et al. 2018 (see `noise_scale`).

    Attributes:
        decay: Decay of the averages from one observation to the next.
        signal: Decayed sum of the estimates of |G|^2.
        noise: Decayed sum of the estimates of tr(Sigma).
        weight: Decayed sum of ones.
    """

    decay: float = 0.9
    signal: float = 0.0
    noise: float = 0.0
    weight: float = 0.0

    def observe(
        self, small_square: float, big_square: float, small_size: float, big_size: float
    ) -> None:
        """Add an observation: the arguments of `noise_scale`.

        An observation that is not finite is ignored: a gradient scaler skips such steps.
        """
        if not math.isfinite(small_square) or not math.isfinite(big_square):
            return
        signal, noise = noise_scale(small_square, big_square, small_size, big_size)
        self.signal = self.decay * self.signal + signal
        self.noise = self.decay * self.noise + noise
        self.weight = self.decay * self.weight + 1

    @property
    def samples(self) -> float:
        """The simple noise scale tr(Sigma) / |G|^2, in samples.

        NaN without an observation, infinite if the noise hides the gradient. Slightly biased, as
        every ratio of averages.
        """
        if not self.weight:
            return math.nan
        return max(0.0, self.noise) / self.signal if self.signal > 0 else math.inf

    def figures(self) -> dict[str, float]:
        """Return the estimates, for the log.

        Returns:
            ``fisher_trace``: tr(Sigma) + |G|^2, the mean squared norm of one sample's gradient:
            the trace of the empirical Fisher matrix (gradients at the true targets, not at sampled
            ones) of the loss as a negative log-likelihood. Unbiased for independent samples and
            constant weights; the averages lag behind changing ones. ``noise_scale``: see
            `samples`. Empty without an observation, without ``noise_scale`` while it is infinite.
        """
        if not self.weight:
            return {}
        figures = {"fisher_trace": (self.signal + self.noise) / self.weight}
        return figures | ({"noise_scale": self.samples} if math.isfinite(self.samples) else {})

    def state_dict(self) -> dict[str, Any]:
        """Return the state as plain numbers."""
        return asdict(self)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        vars(self).update(state_dict)
