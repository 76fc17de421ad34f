"""What a network changed: a histogram of the differences of a result to bicubic upscaling."""

import csv
import io
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from sen2naip_sr.arrays import Array
from sen2naip_sr.inference.values import ValueRange
from sen2naip_sr.models.interpolation import upscale_bicubic
from sen2naip_sr.raster.protocol import FACTOR, Scene

_BINS_TO_A_SIDE = 40
_SHARE = 15
"""Bins reach to this part of the value range on each side, or further."""
_WINDOW = 512
_MOST_WINDOWS = 16
"""Windows of a scene that are compared; a larger one is sampled."""
_MARGIN = 3
"""Rows and columns around a window that bicubic upscaling depends on, and one to spare."""


@dataclass(frozen=True)
class Differences:
    """The histogram of the differences of a result to bicubic upscaling.

    Attributes:
        centres: (n,), the differences that bins stand for, in digital numbers. The outer bins also
            hold what lies beyond them.
        counts: (C, n), the numbers of pixels, by band.
        absolute: (C,), the mean absolute difference, by band.
    """

    centres: Array
    counts: Array
    absolute: Array

    @property
    def within(self) -> float:
        """The least difference that at least 90 % of all values do not exceed, by the bins."""
        sizes = np.abs(self.centres)
        order = np.argsort(sizes, kind="stable")
        rising = np.cumsum(self.counts.sum(axis=0)[order])
        if not rising[-1]:
            return 0.0
        found = int(np.searchsorted(rising, 0.9 * rising[-1]))
        return float(sizes[order][found])

    def as_csv(self, names: tuple[str, ...]) -> str:
        """Return it as a table with a column a band."""
        stream = io.StringIO()
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(["difference", *names])
        for centre, counts in zip(self.centres, self.counts.T, strict=True):
            rows.writerow([f"{centre:g}", *map(int, counts)])
        return stream.getvalue()


def differences(scene: Scene, result: Scene, value_range: ValueRange) -> Differences:
    """Compare a result with the bicubic upscaling of its scene, in windows.

    Of a large scene, windows are compared that are spread evenly over it.

    Only pixels whose surroundings are all valid count, since bicubic upscaling mixes them.

    Args:
        scene: The scene, as the network saw it.
        result: The result.
        value_range: Digital numbers that were 0 and 1 to the network; it sets the bins.

    Raises:
        UserError: If one of them cannot be read.
    """
    step = _step(value_range, np.issubdtype(scene.dtype, np.integer))
    centres = step * np.arange(-_BINS_TO_A_SIDE, _BINS_TO_A_SIDE + 1)
    counts = np.zeros((scene.count, len(centres)), np.int64)
    total, pixels = np.zeros(scene.count), np.zeros(scene.count)
    for window in _windows(scene.height, scene.width):
        change, known = _changes(scene, result, window)
        for band in range(scene.count):
            values = change[band][known[band]]
            numbers = np.rint(values / step).astype(np.int64) + _BINS_TO_A_SIDE
            counts[band] += np.bincount(
                np.clip(numbers, 0, len(centres) - 1), minlength=len(centres)
            )
            total[band] += np.abs(values).sum()
            pixels[band] += values.size
    return Differences(centres, counts, total / np.maximum(pixels, 1))


def _step(value_range: ValueRange, whole: bool) -> float:
    """Return the width of a bin: a round number, and a whole one for integers."""
    low, high = value_range
    least = (high - low) / (_SHARE * _BINS_TO_A_SIDE)
    power = 10.0 ** math.floor(math.log10(least))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)
    return max(1.0, step) if whole else step


class _Window(NamedTuple):
    top: int
    left: int
    height: int
    width: int


def _windows(height: int, width: int) -> list[_Window]:
    """Return windows of a scene: all of them, or some that are spread evenly over a large one."""
    every = [
        _Window(top, left, min(_WINDOW, height - top), min(_WINDOW, width - left))
        for top in range(0, height, _WINDOW)
        for left in range(0, width, _WINDOW)
    ]
    chosen = np.unique(np.linspace(0, len(every) - 1, _MOST_WINDOWS).round().astype(int))
    return [every[number] for number in chosen]


def _changes(scene: Scene, result: Scene, window: _Window) -> tuple[Array, Array]:
    """Return the differences in a window of the scene, and where they count: (C, 2h, 2w)."""
    top, left, height, width = window
    above, before = min(_MARGIN, top), min(_MARGIN, left)
    below = min(_MARGIN, scene.height - top - height)
    after = min(_MARGIN, scene.width - left - width)
    around = (top - above, left - before, above + height + below, before + width + after)
    values, valid = scene.read(*around)
    plain = np.where(valid, values, 0).astype(np.float64)
    upscaled = upscale_bicubic(torch.from_numpy(plain)[None])[0].numpy()
    # a pixel of weight 0 in the kernel counts as its surroundings, too
    whole = torch.nn.functional.max_pool2d(
        torch.from_numpy(~valid).float()[None], 2 * _MARGIN - 1, stride=1, padding=_MARGIN - 1
    )[0].numpy()
    near = np.repeat(np.repeat(whole == 0, FACTOR, axis=1), FACTOR, axis=2)
    rows = slice(FACTOR * above, FACTOR * (above + height))
    columns = slice(FACTOR * before, FACTOR * (before + width))
    made, known = result.read(FACTOR * top, FACTOR * left, FACTOR * height, FACTOR * width)
    change = made.astype(np.float64) - upscaled[:, rows, columns]
    return change, known & near[:, rows, columns]
