"""Random aligned crops of LR and HR chips, turned and mirrored."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sen2naip_sr.degradation import SCALE
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.shards import ShardedArray

Array = np.ndarray[Any, np.dtype[Any]]

ORIENTATIONS = 8


@dataclass(frozen=True)
class TrainingData:
    """What a network is trained on.

    Attributes:
        hr: High-resolution chips (n, C, 2h, 2w).
        lr: Low-resolution chips (n, C, h, w).
        train: Numbers of the chips to train on, int.
        validation: Numbers of the chips that pick the best weights, int.
        value_range: Digital numbers that become 0 and 1.
    """

    hr: ShardedArray
    lr: ShardedArray
    train: Array
    validation: Array
    value_range: tuple[float, float]


class CropSampler:
    """Draws batches of crops; which ones is a pure function of the seed and the step.

    There is therefore no state to save: a training that goes on at step n draws what it would
    have drawn.

    Args:
        hr: High-resolution chips (n, C, 2h, 2w).
        lr: Low-resolution chips (n, C, h, w) of the same ground.
        chips: Numbers of the chips to draw from, int (m,).
        crop_size: Side of a crop in low-resolution pixels.
        batch_size: Crops a batch.
        seed: Any non-negative integer.
        orientations: Ways to turn and mirror, out of 0 to 7; see `orientations`.

    Raises:
        UserError: If there is no chip to draw from, HR is not twice as large as LR, or a crop is
            larger than a chip.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - three say what to draw from, four say how
        self,
        hr: ShardedArray,
        lr: ShardedArray,
        chips: Array,
        crop_size: int,
        batch_size: int,
        seed: int,
        orientations: tuple[int, ...] = tuple(range(ORIENTATIONS)),
    ) -> None:
        count, bands, height, width = lr.shape
        if hr.shape != (count, bands, SCALE * height, SCALE * width):
            raise UserError(
                f"HR of shape {hr.shape} does not belong to LR of shape {lr.shape}",
                "run the preprocessing anew, so that LR is made from this HR",
            )
        if crop_size > min(height, width):
            raise UserError(
                f"crops of {crop_size} x {crop_size} LR pixels do not fit into LR chips of "
                f"{height} x {width}",
                f"set training.crop_size to {min(height, width)} or less, or make larger chips",
            )
        if len(chips) == 0:
            raise UserError("there are no chips to train on", "give the training split more places")
        self._hr, self._lr = hr, lr
        self._chips = np.asarray(chips)
        self._crop_size, self._batch_size, self._seed = crop_size, batch_size, seed
        self._orientations = np.asarray(orientations)

    def chips(self, step: int) -> Array:
        """Return the numbers of the chips that ``batch(step)`` is cut from, int (batch_size,)."""
        return self._draw(step)[0]

    def batch(self, step: int) -> tuple[Array, Array]:
        """Cut the batch of a step, each pair turned and mirrored in one of the orientations.

        Args:
            step: Which batch, from 0.

        Returns:
            LR (B, C, crop_size, crop_size) and HR (B, C, 2 crop_size, 2 crop_size) in the data's
            dtype.
        """
        chips, rows, columns, orientations = self._draw(step)
        size = self._crop_size
        lr = self._lr.crops(chips, rows, columns, size)
        hr = self._hr.crops(chips, SCALE * rows, SCALE * columns, SCALE * size)
        for orientation in range(ORIENTATIONS):
            chosen = orientations == orientation
            for crops in (lr, hr):
                crops[chosen] = _orient(crops[chosen], orientation)
        return lr, hr

    def _draw(self, step: int) -> tuple[Array, Array, Array, Array]:
        generator = np.random.default_rng([self._seed, step])
        _, _, height, width = self._lr.shape
        size = self._batch_size
        return (
            generator.choice(self._chips, size),
            generator.integers(height - self._crop_size, size=size, endpoint=True),
            generator.integers(width - self._crop_size, size=size, endpoint=True),
            generator.choice(self._orientations, size),
        )


def orientations(flips: bool, quarter_turns: bool) -> tuple[int, ...]:
    """Return the ways to turn and mirror that are allowed: 0 to 3 quarter turns, plus 4 mirrored.

    Mirroring along both axes is half a turn, so flips alone allow that too.
    """
    if flips and quarter_turns:
        return tuple(range(ORIENTATIONS))
    if flips:
        return (0, 2, 4, 6)
    return (0, 1, 2, 3) if quarter_turns else (0,)


def _orient(crops: Array, orientation: int) -> Array:
    """Turn square crops (..., n, n) by quarter turns (0 to 3), mirrored first from 4 on."""
    mirrored = crops[..., ::-1] if orientation >= ORIENTATIONS // 2 else crops
    return np.rot90(mirrored, orientation % 4, axes=(-2, -1))
