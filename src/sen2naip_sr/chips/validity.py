"""Which pixels of an array of chips are valid."""

from dataclasses import dataclass

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.shards import ShardedArray


@dataclass(frozen=True)
class Validity:
    """The validity of an array of chips (n, C, H, W), of which few have invalid pixels.

    Attributes:
        numbers: (m,), the chips with invalid pixels, rising.
        masks: (m, C, H, W), bool, their valid pixels.
    """

    numbers: Array
    masks: ShardedArray

    def __getitem__(self, chip: int) -> Array | None:
        """Return a chip's valid pixels, (C, H, W) bool; None if all are."""
        at = int(np.searchsorted(self.numbers, chip))
        if at == len(self.numbers) or self.numbers[at] != chip:
            return None
        return self.masks[at]

    def crops(self, chips: Array, rows: Array, columns: Array, size: int) -> Array | None:
        """Return the valid pixels of crops, (B, C, size, size) bool; None if all are.

        The arguments are those of `ShardedArray.crops`.
        """
        at = np.searchsorted(self.numbers, chips).clip(max=len(self.numbers) - 1)
        masked = self.numbers[at] == chips
        if not masked.any():
            return None
        valid = np.ones((len(chips), *self.masks.shape[1:2], size, size), bool)
        valid[masked] = self.masks.crops(at[masked], rows[masked], columns[masked], size)
        return None if valid.all() else valid


def valid_pixels(validity: Validity | None, chip: int) -> Array | None:
    """Return a chip's valid pixels, (C, H, W) bool; None if all are."""
    return None if validity is None else validity[chip]
