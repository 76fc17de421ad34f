"""The length of a training, and the schedules of learning rate and weight averaging."""

import math
import time
from collections.abc import Sequence

from sen2naip_sr.training.parameters.optimization import ScheduleParameters


class Budget:
    """The length of a training, in steps or in wall-clock minutes.

    Args:
        steps: Number of steps; None: ``minutes`` is the length.
        minutes: Wall-clock time; None: ``steps`` is the length.
        spent: Seconds of the earlier parts of a resumed training.
    """

    def __init__(self, steps: int | None, minutes: float | None, spent: float = 0.0) -> None:
        self._steps = steps
        self._seconds = 60 * minutes if minutes is not None else math.inf
        self._start = time.perf_counter() - spent
        self.total = steps if steps is not None else math.ceil(self._seconds)
        """Steps or seconds, for a progress bar."""
        self.timed = steps is None
        """Whether the length is a time."""

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning of the training."""
        return time.perf_counter() - self._start

    def progress(self, step: int) -> float:
        """Return the completed share of the training after ``step`` steps, in [0, 1]."""
        share = step / self._steps if self._steps is not None else self.elapsed / self._seconds
        return min(1.0, share)


def learning_rate_factor(
    step: int, progress: float, parameters: ScheduleParameters, validations: Sequence[float]
) -> float:
    """Return the learning rate as a share of its peak.

    It is a pure function of state that is kept anyway, so a resumed training needs no other state.

    Args:
        step: Number of steps taken.
        progress: Completed share of the training, in [0, 1].
        parameters: The schedule and its shape.
        validations: PSNR of all validations so far, dB, the oldest first. Only plateau uses them.

    Returns:
        A number in [0, 1].
    """
    p = parameters
    if p.name == "one_cycle":
        return _one_cycle(progress, p)
    warmup = min(1.0, (step + 1) / p.warmup_steps) if p.warmup_steps else 1.0
    if p.name == "cosine":
        return warmup * _cosine(progress, 1.0, p.final)
    if p.name == "warm_restarts":
        return warmup * _cosine(_share_of_cycle(progress, p.cycles, p.growth), 1.0, p.final)
    if p.name == "plateau":
        return warmup * _plateau(validations, p)
    return warmup


def _cosine(share: float, begin: float, end: float) -> float:
    """Return a value between ``begin`` and ``end`` along half a cosine.

    Loshchilov and Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts",
    https://arxiv.org/abs/1608.03983, equation 5.
    """
    return end + (begin - end) * (1 + math.cos(math.pi * share)) / 2


def _share_of_cycle(progress: float, cycles: int, growth: float) -> float:
    """Return the completed share of the current cycle; each is ``growth`` times the one before.

    These are the restarts of SGDR (see `_cosine`). The last cycle ends with the training.
    """
    lengths = [growth**number for number in range(cycles)]
    position = progress * sum(lengths)
    for length in lengths[:-1]:
        if position < length:
            return position / length
        position -= length
    return min(1.0, position / lengths[-1])


def _one_cycle(progress: float, p: ScheduleParameters) -> float:
    """Return the share of the peak: it rises and falls along half a cosine.

    Smith and Topin 2017, "Super-Convergence: Very Fast Training of Neural Networks Using Large
    Learning Rates", https://arxiv.org/abs/1708.07120. What differs: the momentum is constant.
    """
    if progress < p.peak_at:
        return _cosine(progress / p.peak_at, p.start, 1.0)
    return _cosine((progress - p.peak_at) / (1 - p.peak_at), 1.0, p.final)


def _plateau(validations: Sequence[float], p: ScheduleParameters) -> float:
    share, best, without_gain = 1.0, -math.inf, 0
    for psnr in validations:
        if psnr > best + p.threshold:
            best, without_gain = psnr, 0
        else:
            without_gain += 1
        if without_gain == p.patience:
            share, without_gain = max(p.final, share * p.factor), 0
    return share


def ema_decay(count: int, largest: float) -> float:
    """Return the decay of averaged weights after ``count`` updates.

    It starts small, so that the average forgets the initial weights quickly, and grows to
    ``largest``: the ramp of TensorFlow's ``ExponentialMovingAverage`` with ``num_updates``.
    """
    return min(largest, (1 + count) / (10 + count))
