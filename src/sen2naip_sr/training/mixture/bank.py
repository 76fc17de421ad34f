"""Imagery that crops are drawn from: chips in memory, or those of a store."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.degradation.draws import Draws
from sen2naip_sr.degradation.truth import EIGHT_BITS, reduced, rounded
from sen2naip_sr.training.mixture.images import Image
from sen2naip_sr.weights.seen import Seen


class Imagery(Protocol):
    """Chips of one depth.

    Attributes:
        deep: Whether the imagery has more than 8 bits.
        side: The shorter side of the chips, in pixels.
    """

    @property
    def deep(self) -> bool: ...  # noqa: D102
    @property
    def side(self) -> int: ...  # noqa: D102
    def draw(self, side: int, reduction: int, draws: Draws) -> Tensor:
        """Return crops (images, C, side, side) in [0, 1].

        Args:
            side: Pixels of a crop's side.
            reduction: So many pixels become one on each axis first.
            draws: The number of crops, and the randomness.
        """


@dataclass(frozen=True)
class Bank:
    """Square chips on one device.

    Attributes:
        chips: (n, C, s, s): digital numbers of 8 bits, or shares of the value range of deep
            imagery, float.
        passed: (n,), the share of draws that take this chip or one before it.
        deep: Whether the imagery has more than 8 bits.
    """

    chips: Tensor
    passed: Tensor
    deep: bool

    @property
    def side(self) -> int:
        """The side of the chips, in pixels."""
        return self.chips.shape[-1]

    def draw(self, side: int, reduction: int, draws: Draws) -> Tensor:
        """Return crops; see `Imagery.draw`. Their device is that of the draws."""
        size = side * reduction
        device = self.chips.device
        chosen = _chosen(self.passed, draws)
        positions = self.chips.shape[-1] - size + 1
        pixels = torch.arange(size, device=device)
        rows, columns = (draws.index(positions)[:, None] + pixels for _ in range(2))
        bands = torch.arange(self.chips.shape[1], device=device)[:, None, None]
        cut = self.chips[
            chosen[:, None, None, None], bands, rows[:, None, :, None], columns[:, None, None]
        ]
        crops = reduced(cut.float() if self.deep else cut / EIGHT_BITS, reduction)
        return crops if self.deep else rounded(crops)


@dataclass(frozen=True)
class StoredBank:
    """Chips of a store, of which only the crops are read.

    Attributes:
        chips: (n, C, h, w), digital numbers.
        numbers: (m,), the chips to draw from.
        passed: (m,), the share of draws that take this chip or one before it.
        bands: The bands to take, from 0.
        value_range: Digital numbers that become 0 and 1.
    """

    chips: ShardedArray
    numbers: Array
    passed: Tensor
    bands: tuple[int, ...]
    value_range: tuple[float, float]

    @property
    def deep(self) -> bool:
        """Whether the imagery has more than 8 bits."""
        return self.chips.dtype != np.uint8

    @property
    def side(self) -> int:
        """The shorter side of the chips, in pixels."""
        return min(self.chips.shape[2:])

    def draw(self, side: int, reduction: int, draws: Draws) -> Tensor:
        """Return crops on the CPU; see `Imagery.draw`."""
        size = side * reduction
        _, _, height, width = self.chips.shape
        chosen = self.numbers[_chosen(self.passed, draws).numpy()]
        rows, columns = (draws.index(length - size + 1).numpy() for length in (height, width))
        cut = self.chips.crops(chosen, rows, columns, size)[:, list(self.bands)]
        low, high = self.value_range
        values = (torch.from_numpy(cut.astype(np.float32)) - low) / (high - low)
        crops = reduced(values, reduction)
        return crops if self.deep else rounded(crops)


@dataclass(frozen=True)
class Source:
    """Imagery of a mixture.

    Attributes:
        name: Its name.
        share: How often it is drawn, relative to the others.
        imagery: The chips.
        places: Names of the places that it shows.
        seen: The imagery as content; None: not known.
    """

    name: str
    share: float
    imagery: Imagery
    places: tuple[str, ...]
    seen: Seen | None = None


def shares_passed(groups: Sequence[str], shares: Mapping[str, float] | None = None) -> Tensor:
    """Return the share of draws up to each of n chips, float (n,).

    Args:
        groups: The group of each chip. Chips of one group are drawn equally often.
        shares: How often a group is drawn, relative to the others; 1 where it has none.
    """
    shares, counts = shares or {}, Counter(groups)
    weights = [shares.get(name, 1.0) / counts[name] for name in groups]
    return torch.tensor(weights).cumsum(0) / math.fsum(weights)


def cut_image(image: Image, side: int, step: int | None = None) -> list[Array]:
    """Return the chips (C, side, side) of an image in which every pixel is valid.

    Those of 8 bits are digital numbers, deep ones are shares of the value range, float32. Chips
    overlap at the ends of the image, which is as large as a chip at least.

    Args:
        image: The image.
        side: Pixels of a chip's side.
        step: Pixels from a chip to the next; None: half of the side.
    """
    values = image.values
    if values.dtype != np.uint8:
        low, high = image.value_range
        values = ((values.astype(np.float32) - low) / (high - low)).astype(np.float32)
    step = step or max(1, side // 2)
    rows, columns = (_starts(length, side, step) for length in values.shape[1:])
    windows = [
        np.s_[row : row + side, column : column + side] for row in rows for column in columns
    ]
    return [
        values[:, *window] for window in windows if image.valid is None or image.valid[window].all()
    ]


def _chosen(passed: Tensor, draws: Draws) -> Tensor:
    return torch.searchsorted(passed, draws.uniform()).clamp(max=len(passed) - 1)


def _starts(length: int, side: int, step: int) -> list[int]:
    """Return where chips begin along an axis: every step, and at the end."""
    return sorted({*range(0, length - side + 1, step), length - side})
