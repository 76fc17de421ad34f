"""The learning rate over a training."""

import math


def learning_rate_factor(step: int, progress: float, warmup_steps: int, final: float) -> float:
    """Return the learning rate as a share of its peak: linear warm-up times half a cosine.

    The cosine is that of Loshchilov and Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm
    Restarts", https://arxiv.org/abs/1608.03983, without restarts.

    Args:
        step: Steps done so far, from 0.
        progress: Share of the training that is done, in [0, 1].
        warmup_steps: The warm-up ends with this step; 0: there is none.
        final: Where the cosine ends, in [0, 1].

    Returns:
        A number in [0, 1].
    """
    warmup = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    cosine = (1 + math.cos(math.pi * progress)) / 2
    return warmup * (final + (1 - final) * cosine)
