"""Random aligned crops of LR and HR chips."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.chips.validity import Validity, valid_pixels
from sen2naip_sr.degradation import SCALE, Recipe
from sen2naip_sr.degradation.validity import scored_pixels
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.crops.augmentation import PairMaker
from sen2naip_sr.training.crops.band_jitter import jitter_bands
from sen2naip_sr.training.crops.detail import DetailMap, Positions
from sen2naip_sr.training.mixture.bank import Source
from sen2naip_sr.training.parameters.crops import AugmentationParameters, DetailParameters

ORIENTATIONS = 8

# augmentations have random streams of their own, so that the positions do not depend on them
PAIR_STREAM, JITTER_STREAM = 1, 2


@dataclass(frozen=True)
class TrainingData:
    """The chips of a training.

    Attributes:
        hr: High-resolution chips (n, C, 2h, 2w).
        lr: Low-resolution chips (n, C, h, w).
        train: Numbers of the chips to train on, int.
        validation: Numbers of the chips that select the best weights, int.
        value_range: Digital numbers that map to 0 and 1.
        recipe: The recipe that made ``lr`` out of ``hr``; None: unknown.
        sources: More imagery, for a training with a mixture.
        hr_validity: Which pixels of ``hr`` are valid; None: all.
        lr_validity: Which pixels of ``lr`` are valid; None: all.
    """

    hr: ShardedArray
    lr: ShardedArray
    train: Array
    validation: Array
    value_range: tuple[float, float]
    recipe: Recipe | None = None
    sources: Sequence[Source] = ()
    hr_validity: Validity | None = None
    lr_validity: Validity | None = None

    def scored(self, chip: int) -> Array | None:
        """Return the HR pixels of a chip that count in losses and scores; None: all."""
        return scored_pixels(
            valid_pixels(self.hr_validity, chip), valid_pixels(self.lr_validity, chip)
        )

    def whole(self, chip: int) -> bool:
        """Return whether all pixels of a chip are valid."""
        return valid_pixels(self.hr_validity, chip) is None


@dataclass(frozen=True)
class CutCrops:
    """Crops of a batch as the sampler cuts them, digital numbers.

    Attributes:
        lr: (B, C, n, n).
        hr: (B, C, 2n, 2n), in the same dtype.
        lr_valid: The valid pixels of ``lr``, bool; None: all.
        scored: The pixels of ``hr`` that count in losses, bool; None: all.
    """

    lr: Array
    hr: Array
    lr_valid: Array | None = None
    scored: Array | None = None

    @property
    def arrays(self) -> list[Array]:
        """All arrays that there are."""
        every = (self.lr, self.hr, self.lr_valid, self.scored)
        return [array for array in every if array is not None]


class CropSampler:
    """Draws batches of crops as a pure function of seed, step, rank and world size.

    It has no state to save: a training that resumes at step n draws the same crops as one that was
    never interrupted. In a training of several processes each rank gets its own part of the
    batch, and the parts of all ranks together are the batch of a single process. Every rank cuts
    the whole batch, because what varies the crops is drawn for the whole batch.

    Args:
        data: The chips.
        crop_size: Side of a crop in low-resolution pixels.
        batch_size: Crops a batch, of all ranks together.
        seed: Any non-negative integer.
        augmentation: How to vary crops; None: the default parameters.
        detail: How positions follow detail, which reads every chip once; None: all positions are
            equally likely.
        rank: The number of this process, from 0.
        world_size: The number of processes.

    Raises:
        UserError: If there are fewer crops than processes, there is no chip to
            draw from, HR is not twice as large as LR, a crop is larger than a chip, or what
            `PairMaker` raises.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the first says what to draw from, the others say how
        self,
        data: TrainingData,
        crop_size: int,
        batch_size: int,
        seed: int,
        augmentation: AugmentationParameters | None = None,
        detail: DetailParameters | None = None,
        *,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        augmentation = augmentation or AugmentationParameters()
        _refuse_unfit(data, crop_size)
        self._part = part_of_rank(batch_size, rank, world_size)
        self._data = data
        self._chips = np.asarray(data.train)
        self._crop_size, self._batch_size, self._seed = crop_size, batch_size, seed
        self._orientations = np.asarray(
            orientations(augmentation.flips, augmentation.quarter_turns)
        )
        self._jitter = augmentation.band_jitter
        self._pairs = (
            PairMaker(data.hr, data.recipe, crop_size, augmentation, data.hr_validity)
            if PairMaker.needed(data.recipe, augmentation)
            else None
        )
        self._detail = (
            DetailMap(data.hr, self._chips, crop_size, detail, shown=rank == 0) if detail else None
        )

    def chips(self, step: int) -> Array:
        """Return the chip numbers of a step's crops on all ranks, int (batch_size,)."""
        return self._draw(step)[0].chips

    def batch(self, step: int) -> tuple[Array, Array]:
        """Return LR and HR of `cut`."""
        crops = self.cut(step)
        return crops.lr, crops.hr

    def cut(self, step: int) -> CutCrops:
        """Return this rank's part of a step's batch, B crops of ``batch_size``.

        Args:
            step: The number of the batch, from 0.
        """
        at, ways = self._draw(step)
        size = self._crop_size
        lr = self._data.lr.crops(at.chips, at.rows, at.columns, size)
        hr = self._data.hr.crops(at.chips, SCALE * at.rows, SCALE * at.columns, SCALE * size)
        lr_valid, scored = self._valid(at)
        if self._pairs:
            self._pairs.replace(self._generator(step, PAIR_STREAM), at, lr, hr)
        if self._jitter:
            generator = self._generator(step, JITTER_STREAM)
            lr, hr = jitter_bands(generator, lr, hr, self._data.value_range, self._jitter)
        cut = CutCrops(lr, hr, lr_valid, scored)
        for crops in cut.arrays:
            _orient(crops, ways)
        part = self._part
        return CutCrops(lr[part], hr[part], _part(lr_valid, part), _part(scored, part))

    def weights(self, step: int) -> Array:
        """Return the importance weights of ``batch(step)``, float32 (B,).

        A mean weighted by them estimates the mean over uniformly drawn crops. Their own mean over
        many steps is 1.
        """
        return self._draw(step)[0].weights[self._part]

    def _valid(self, at: Positions) -> tuple[Array | None, Array | None]:
        """Return the valid LR pixels of crops, and the HR pixels that count; None: all."""
        data, size = self._data, self._crop_size
        if data.hr_validity is None or data.lr_validity is None:
            return None, None
        lr = data.lr_validity.crops(at.chips, at.rows, at.columns, size)
        hr = data.hr_validity.crops(at.chips, SCALE * at.rows, SCALE * at.columns, SCALE * size)
        return lr, scored_pixels(hr, lr)

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


def _part(array: Array | None, part: slice) -> Array | None:
    return None if array is None else array[part]


def sizes_of_parts(batch_size: int, world_size: int) -> list[int]:
    """Return the crops of each rank; the first ranks have one more where they are not equal.

    Raises:
        UserError: If there are fewer crops than ranks.
    """
    share, left = divmod(batch_size, world_size)
    if not share:
        raise UserError(
            "batch-not-divisible",
            f"a batch of {batch_size} crops cannot be divided among {world_size} processes",
            f"choose a batch of at least {world_size} crops, or fewer processes",
        )
    return [share + (rank < left) for rank in range(world_size)]


def part_of_rank(batch_size: int, rank: int, world_size: int) -> slice:
    """Return the crops of a batch that belong to a rank.

    Raises:
        UserError: If there are fewer crops than ranks.
    """
    sizes = sizes_of_parts(batch_size, world_size)
    return slice(sum(sizes[:rank]), sum(sizes[: rank + 1]))


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
    """Return the allowed orientations: the number of quarter turns, plus 4 if mirrored first.

    Mirroring along both axes is half a turn, so flips alone allow half a turn too.
    """
    if flips and quarter_turns:
        return tuple(range(ORIENTATIONS))
    if flips:
        return (0, 2, 4, 6)
    return (0, 1, 2, 3) if quarter_turns else (0,)


def _orient(crops: Array, ways: Array) -> None:
    """Turn and mirror square crops (B, C, n, n) in place; see `orientations`."""
    for way in range(ORIENTATIONS):
        chosen = ways == way
        part = crops[chosen]
        mirrored = part[..., ::-1] if way >= ORIENTATIONS // 2 else part
        crops[chosen] = np.rot90(mirrored, way % 4, axes=(-2, -1))
