"""Chips on the training's device, from which batches of crops are cut."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation.draws import Draws
from sen2naip_sr.degradation.truth import EIGHT_BITS, reduced, rounded
from sen2naip_sr.errors import UserError
from sen2naip_sr.release.imagery.packed import Image, Place

LARGEST = 256
"""Chips have no longer sides than this, in pixels."""


@dataclass(frozen=True)
class Bank:
    """Chips of one depth.

    Attributes:
        chips: (n, C, s, s): digital numbers of 8 bits, or shares of the value range of deep
            imagery, float.
        passed: (n,), the share of draws that take this chip or one before it.
        deep: Whether the imagery has more than 8 bits.
    """

    chips: Tensor
    passed: Tensor
    deep: bool

    def draw(self, side: int, reduction: int, draws: Draws) -> Tensor:
        """Return crops (images, C, side, side) in [0, 1].

        Args:
            side: Pixels of a crop's side.
            reduction: So many pixels become one on each axis first.
            draws: The number of crops, and the randomness.
        """
        size = side * reduction
        device = self.chips.device
        chosen = torch.searchsorted(self.passed, draws.uniform()).clamp(max=len(self.chips) - 1)
        positions = self.chips.shape[-1] - size + 1
        pixels = torch.arange(size, device=device)
        rows, columns = (draws.index(positions)[:, None] + pixels for _ in range(2))
        bands = torch.arange(self.chips.shape[1], device=device)[:, None, None]
        cut = self.chips[
            chosen[:, None, None, None], bands, rows[:, None, :, None], columns[:, None, None]
        ]
        crops = reduced(cut.float() if self.deep else cut / EIGHT_BITS, reduction)
        return crops if self.deep else rounded(crops)


def make_bank(
    places: Sequence[Place], deep: bool, shares: Mapping[str, float], device: torch.device
) -> Bank | None:
    """Cut the images of one depth into chips.

    Chips are as large as the smallest image allows, at most `LARGEST` pixels, and overlap by half
    in images that are larger.

    Args:
        places: The places.
        deep: Whether to take imagery of more than 8 bits, or of 8 bits.
        shares: How often a location is drawn, relative to the others; 1 where it has none.
        device: Where the chips are.

    Returns:
        The chips; None if there are none.

    Raises:
        UserError: If images differ in their bands.
    """
    packed = [
        (place.location, image) for place in places for image in place.images if image.deep == deep
    ]
    if not packed:
        return None
    if len({image.shape[0] for _, image in packed}) > 1:
        raise UserError(
            "bands-differ", "packed images have different numbers of bands", "pack them apart"
        )
    side = min(LARGEST, *(min(image.shape[1:]) for _, image in packed))
    # LZMA leaves the interpreter to other threads
    with ThreadPoolExecutor() as pool:
        cut = list(pool.map(lambda some: cut_image(some[1].unpack(), side), packed))
    if not any(cut):
        return None
    chips = torch.from_numpy(np.stack([chip for of_image in cut for chip in of_image]))
    locations = [name for (name, _), of_image in zip(packed, cut, strict=True) for _ in of_image]
    weights = [shares.get(name, 1.0) / locations.count(name) for name in locations]
    passed = torch.tensor(weights).cumsum(0) / math.fsum(weights)
    return Bank(chips.to(device), passed.to(device), deep)


def cut_image(image: Image, side: int) -> list[Array]:
    """Return the chips (C, side, side) of an image in which every pixel is valid.

    Those of 8 bits are digital numbers, deep ones are shares of the value range, float32.
    """
    values = image.values
    if values.dtype != np.uint8:
        low, high = image.value_range
        values = ((values.astype(np.float32) - low) / (high - low)).astype(np.float32)
    rows, columns = (_starts(length, side) for length in values.shape[1:])
    windows = [
        np.s_[row : row + side, column : column + side] for row in rows for column in columns
    ]
    return [
        values[:, *window] for window in windows if image.valid is None or image.valid[window].all()
    ]


def _starts(length: int, side: int) -> list[int]:
    """Return where chips begin along an axis: every half chip, and at the end."""
    return sorted({*range(0, length - side + 1, max(1, side // 2)), length - side})
