"""Windows of a scene that noise, blur and compression can be estimated from."""

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from sen2naip_sr.arrays import Array
from sen2naip_sr.inference.values import ValueRange, normalise

if TYPE_CHECKING:
    from sen2naip_sr.raster.protocol import Scene

SIDES = (128, 64)
"""Sides of the windows in pixels. The smaller ones are tried where no larger one can be used."""

ENOUGH = 8
"""Windows to use at most. More cost time and hardly change the estimate."""

BLOCK = 8
"""Windows begin at multiples of it, so that they share the block grid of compression."""

SCALE = 255.0
"""The digital number of the upper end of the value range in the windows."""

_ALONG_AXIS = 8
_SATURATED_AT_MOST = 0.05
_FLAT = 1.5


@dataclass(frozen=True)
class Windows:
    """Usable windows of a scene.

    Attributes:
        values: (n, C, side, side), float32: the value range on a scale from 0 to `SCALE`. There
            may be none.
        problem: Why there is none, in words: a clause about the scene.
    """

    values: Array
    problem: str = ""

    def normalised(self) -> Tensor:
        """Return the windows with values in [0, 1]."""
        return torch.from_numpy(self.values) / SCALE


def sample_windows(scene: "Scene", value_range: ValueRange) -> Windows:
    """Read windows that are valid everywhere, hardly saturated and not flat.

    Args:
        scene: The scene.
        value_range: Digital numbers that become 0 and `SCALE`.

    Returns:
        Up to `ENOUGH` windows of one size, spread over the scene.
    """
    problem = f"it has fewer than {SIDES[-1]} rows or columns"
    for side in SIDES:
        if min(scene.height, scene.width) < side:
            continue
        problems, usable = set(), []
        for top, left in _places(scene, side):
            values, valid = scene.read(top, left, side, side)
            window = SCALE * normalise(values, value_range)
            if found := _problem(window, valid):
                problems.add(found)
                continue
            usable.append(window)
            if len(usable) == ENOUGH:
                break
        if usable:
            return Windows(np.stack(usable))
        problem = f"every part of it {' or '.join(sorted(problems))}"
    return Windows(np.empty((0, scene.count, 0, 0), np.float32), problem)


def _places(scene: "Scene", side: int) -> Array:
    """Return the first rows and columns of windows in a random order that is always the same."""
    tops, lefts = _starts(scene.height, side), _starts(scene.width, side)
    places = np.array(list(product(tops, lefts)))
    return np.random.default_rng(0).permutation(places)


def _starts(length: int, side: int) -> list[int]:
    count = min(_ALONG_AXIS, length // side)
    if count == 1:
        return [(length - side) // 2 // BLOCK * BLOCK]
    return [k * (length - side) // (count - 1) // BLOCK * BLOCK for k in range(count)]


def _problem(window: Array, valid: Array) -> str:
    if not valid.all():
        return "has nodata"
    if ((window <= 0) | (window >= SCALE)).mean((1, 2)).max() > _SATURATED_AT_MOST:
        return "is saturated"
    if window.std((1, 2)).max() < _FLAT:
        return "is flat"
    return ""
