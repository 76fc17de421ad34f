"""Random aligned crops of LR and HR chips."""

from dataclasses import dataclass

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.degradation import SCALE, Recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.crops.augmentation import PairMaker
from sen2naip_sr.training.crops.band_jitter import jitter_bands
from sen2naip_sr.training.crops.detail import DetailMap, Positions
from sen2naip_sr.training.parameters.augmentation import AugmentationParameters
from sen2naip_sr.training.parameters.sampling import DetailParameters

ORIENTATIONS = 8

# what is drawn beside the positions has generators of its own, so that switching it on or off
# leaves the positions as they are
PAIR_STREAM, JITTER_STREAM = 1, 2


@dataclass(frozen=True)
class TrainingData:
    """What a network is trained on.

    Attributes:
        hr: High-resolution chips (n, C, 2h, 2w).
        lr: Low-resolution chips (n, C, h, w).
        train: Numbers of the chips to train on, int.
        validation: Numbers of the chips that pick the best weights, int.
        value_range: Digital numbers that become 0 and 1.
        recipe: What made ``lr`` of ``hr``; None: not known.
    """

    hr: ShardedArray
    lr: ShardedArray
    train: Array
    validation: Array
    value_range: tuple[float, float]
    recipe: Recipe | None = None


class CropSampler:
    """Draws batches of crops; which ones is a pure function of the seed and the step.

    There is therefore no state to save: a training that goes on at step n draws what it would
    have drawn.

    Args:
        data: Chips, and those to draw from.
        crop_size: Side of a crop in low-resolution pixels.
        batch_size: Crops a batch.
        seed: Any non-negative integer.
        augmentation: How crops are varied; None: with the default parameters.
        detail: How positions follow detail; None: all are equally likely. Reads every chip once.

    Raises:
        UserError: If there is no chip to draw from, HR is not twice as large as LR, a crop is
            larger than a chip, or what `PairMaker` raises.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the first says what to draw from, the others say how
        self,
        data: TrainingData,
        crop_size: int,
        batch_size: int,
        seed: int,
        augmentation: AugmentationParameters | None = None,
        detail: DetailParameters | None = None,
    ) -> None:
        augmentation = augmentation or AugmentationParameters()
        _refuse_unfit(data, crop_size)
        self._data = data
        self._chips = np.asarray(data.train)
        self._crop_size, self._batch_size, self._seed = crop_size, batch_size, seed
        self._orientations = np.asarray(
            orientations(augmentation.flips, augmentation.quarter_turns)
        )
        self._jitter = augmentation.band_jitter
        self._pairs = (
            PairMaker(data.hr, data.recipe, crop_size, augmentation)
            if PairMaker.needed(data.recipe, augmentation)
            else None
        )
        self._detail = DetailMap(data.hr, self._chips, crop_size, detail) if detail else None

    def chips(self, step: int) -> Array:
        """Return the numbers of the chips that ``batch(step)`` is cut from, int (batch_size,)."""
        return self._draw(step)[0].chips

    def batch(self, step: int) -> tuple[Array, Array]:
        """Cut the batch of a step and vary it.

        Args:
            step: Which batch, from 0.

        Returns:
            LR (B, C, crop_size, crop_size) and HR (B, C, 2 crop_size, 2 crop_size) in the data's
            dtype.
        """
        at, ways = self._draw(step)
        size = self._crop_size
        lr = self._data.lr.crops(at.chips, at.rows, at.columns, size)
        hr = self._data.hr.crops(at.chips, SCALE * at.rows, SCALE * at.columns, SCALE * size)
        if self._pairs:
            self._pairs.replace(self._generator(step, PAIR_STREAM), at, lr, hr)
        if self._jitter:
            generator = self._generator(step, JITTER_STREAM)
            lr, hr = jitter_bands(generator, lr, hr, self._data.value_range, self._jitter)
        for crops in (lr, hr):
            _orient(crops, ways)
        return lr, hr

    def weights(self, step: int) -> Array:
        """Return importance weights of the crops of a batch, float32 (batch_size,).

        A mean weighted by them estimates the mean over uniformly drawn crops. Their own mean over
        many steps is 1.
        """
        return self._draw(step)[0].weights

    def _draw(self, step: int) -> tuple[Positions, Array]:
        generator = self._generator(step)
        positions = self._positions(generator)
        return positions, generator.choice(self._orientations, self._batch_size)

    def _positions(self, generator: np.random.Generator) -> Positions:
        size = self._batch_size
        if self._detail:
            return self._detail.draw(generator, size)
        _, _, height, width = self._data.lr.shape
        return Positions(
            generator.choice(self._chips, size),
            generator.integers(height - self._crop_size, size=size, endpoint=True),
            generator.integers(width - self._crop_size, size=size, endpoint=True),
            np.ones(size, np.float32),
        )

    def _generator(self, step: int, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, step, *stream])


def _refuse_unfit(data: TrainingData, crop_size: int) -> None:
    count, bands, height, width = data.lr.shape
    if data.hr.shape != (count, bands, SCALE * height, SCALE * width):
        raise UserError(
            "hr-lr-differ",
            f"HR of shape {data.hr.shape} does not belong to LR of shape {data.lr.shape}",
            "preprocess again, so that LR is made from this HR",
        )
    if crop_size > min(height, width):
        raise UserError(
            "crop-too-large",
            f"crops of {crop_size} x {crop_size} LR pixels do not fit into LR chips of "
            f"{height} x {width}",
            f"choose crops of at most {min(height, width)} LR pixels a side, or make larger chips",
        )
    if len(data.train) == 0:
        raise UserError(
            "no-training-chip",
            "there are no chips to train on",
            "give the training split more places",
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


def _orient(crops: Array, ways: Array) -> None:
    """Turn square crops (B, C, n, n) in place: quarter turns (0 to 3), mirrored first from 4 on."""
    for way in range(ORIENTATIONS):
        chosen = ways == way
        part = crops[chosen]
        mirrored = part[..., ::-1] if way >= ORIENTATIONS // 2 else part
        crops[chosen] = np.rot90(mirrored, way % 4, axes=(-2, -1))
