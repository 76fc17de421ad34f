"""How long a training lasts, and what changes on the way: learning rate, decay of averages."""

import math
import time


class Budget:
    """The length of a training, in steps or in wall-clock minutes.

    Args:
        steps: Number of steps; None: ``minutes`` counts.
        minutes: Wall-clock time; None: ``steps`` counts.
        spent: Seconds that earlier parts of the training took.
    """

    def __init__(self, steps: int | None, minutes: float | None, spent: float = 0.0) -> None:
        self._steps = steps
        self._seconds = 60 * minutes if minutes is not None else math.inf
        self._start = time.perf_counter() - spent
        self.total = steps if steps is not None else math.ceil(self._seconds)
        """Steps or seconds, for a progress bar."""

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning of the training."""
        return time.perf_counter() - self._start

    def progress(self, step: int) -> float:
        """Return the share of the training that is done after ``step`` steps, in [0, 1]."""
        share = step / self._steps if self._steps is not None else self.elapsed / self._seconds
        return min(1.0, share)


def learning_rate_factor(step: int, progress: float, warmup_steps: int, final: float) -> float:
    """Return the learning rate as a share of its peak: linear warm-up times half a cosine.

    The cosine is that of Loshchilov and Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm
    Restarts", https://arxiv.org/abs/1608.03983, without restarts.

    Args:
        step: Steps done so far, from 0.
        progress: Share of the training that is done, in [0, 1].
        warmup_steps: Steps until the warm-up is over; 0: there is none.
        final: Where the cosine ends, in [0, 1].

    Returns:
        A number in [0, 1].
    """
    warmup = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    cosine = (1 + math.cos(math.pi * progress)) / 2
    return warmup * (final + (1 - final) * cosine)


def ema_decay(count: int, largest: float) -> float:
    """Return the decay of averaged weights after ``count`` updates.

    It starts small, so that the average forgets the initial weights soon, and grows to
    ``largest``: the ramp of TensorFlow's ``ExponentialMovingAverage`` with ``num_updates``.
    """
    return min(largest, (1 + count) / (10 + count))
