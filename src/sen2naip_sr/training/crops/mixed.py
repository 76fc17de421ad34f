"""Random crops of a mixture."""

import logging
from collections.abc import Sequence

import numpy as np
import torch

from sen2naip_sr.degradation import SCALE
from sen2naip_sr.degradation.draws import Draws
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.crops.sampler import TrainingData, part_of_rank
from sen2naip_sr.training.mixture.bank import Imagery, StoredBank, shares_passed
from sen2naip_sr.training.mixture.batches import Batch, observed
from sen2naip_sr.training.parameters.mixture import MixtureParameters
from sen2naip_sr.training.parameters.training import TrainingParameters

# random streams besides those of CropSampler
KIND_STREAM, POSITION_STREAM, SENSOR_STREAM = 3, 4, 5

RECIPE = "bicubic_antialiased"
"""The recipe of a mixture's clean images."""

Kinds = list[tuple[Imagery, int]]

logger = logging.getLogger(__name__)


class MixtureSampler:
    """Draws batches of a mixture as a pure function of seed and step, like `CropSampler`.

    Each rank makes the whole batch, and gets its part of it.

    Args:
        data: Chips and sources.
        parameters: The training, with a mixture.
        device: Where sensors observe crops.
        rank: The number of this process, from 0.
        world_size: The number of processes.

    Raises:
        UserError: If the recipe of the data's LR is another than the mixture's, chips are smaller
            than crops, or there are fewer crops in a batch than processes.
    """

    def __init__(
        self,
        data: TrainingData,
        parameters: TrainingParameters,
        device: torch.device,
        *,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        mixture = parameters.mixture
        assert mixture is not None
        _refuse_other_recipe(data)
        self._part = part_of_rank(parameters.batch_size, rank, world_size)
        self._mixture, self._device = mixture, device
        self._seed, self._batch_size = parameters.seed, parameters.batch_size
        self._side = SCALE * parameters.crop_size
        imagery = [(source.name, source.share, source.imagery) for source in data.sources]
        if mixture.own:
            imagery.insert(0, ("the training's chips", mixture.own, own_chips(data)))
        self._kinds, shares = kinds_of(imagery, mixture, self._side)
        self._limits = np.cumsum(shares) / sum(shares)

    def batch(self, step: int) -> Batch:
        """Return this rank's part of a step's batch, on the device.

        Args:
            step: The number of the batch, from 0.
        """
        counts = self._counts(np.random.default_rng([self._seed, step, KIND_STREAM]))
        positions = self._generator(torch.device("cpu"), step, POSITION_STREAM)
        crops = torch.cat(
            [
                imagery.draw(self._side, reduction, Draws(count, positions))
                for (imagery, reduction), count in zip(self._kinds, counts, strict=True)
                if count
            ]
        )
        flags = np.repeat([imagery.deep for imagery, _ in self._kinds], counts)
        draws = Draws(len(crops), self._generator(self._device, step, SENSOR_STREAM))
        deep = torch.from_numpy(flags).to(self._device)
        whole = observed(crops.to(self._device), deep, self._mixture, draws)
        return whole.part(self._part)

    def _counts(self, random: np.random.Generator) -> list[int]:
        """Return the crops of each kind: in a batch in proportion to shares, up to one crop."""
        drawn = (np.arange(self._batch_size) + random.random()) / self._batch_size
        chosen = np.searchsorted(self._limits[:-1], drawn, side="right")
        return np.bincount(chosen, minlength=len(self._kinds)).tolist()

    def _generator(self, device: torch.device, step: int, stream: int) -> torch.Generator:
        state = np.random.SeedSequence([self._seed, step, stream]).generate_state(1, np.uint64)
        return torch.Generator(device).manual_seed(int(state[0] >> np.uint64(1)))


def own_chips(data: TrainingData) -> StoredBank:
    """Return the chips to train on, drawn equally often; those with invalid pixels are left out.

    Raises:
        UserError: If none is left.
    """
    bands = tuple(range(data.hr.shape[1]))
    numbers = [number for number in data.train.tolist() if data.whole(number)]
    if not numbers:
        raise UserError(
            "mixture-chips-invalid",
            "every chip to train on has invalid pixels, which a mixture cannot use",
            "train without a mixture, or without the training's own chips in it",
        )
    if left_out := len(data.train) - len(numbers):
        logger.warning("mixture: %d chips with invalid pixels are left out", left_out)
    passed = shares_passed([str(number) for number in numbers])
    return StoredBank(data.hr, np.asarray(numbers), passed, bands, data.value_range)


def kinds_of(
    imagery: Sequence[tuple[str, float, Imagery]], mixture: MixtureParameters, side: int
) -> tuple[Kinds, list[float]]:
    """Return imagery with a reduction each, and how often it is drawn.

    Args:
        imagery: With names and shares.
        mixture: Has the reductions.
        side: Pixels of a crop's side.

    Raises:
        UserError: If chips are too small for every reduction.
    """
    kinds: Kinds = []
    shares = []
    for name, share, chips in imagery:
        fitting = {r: w for r, w in mixture.pixel_sizes.items() if side * r <= chips.side}
        if not fitting:
            raise UserError(
                "mixture-too-small",
                f"mixture: chips of {chips.side} pixels in {name}, and crops of "
                f"{side * min(mixture.pixel_sizes)} HR pixels",
                "choose smaller crops or reductions, or leave the imagery out",
            )
        if left := sorted(set(mixture.pixel_sizes) - set(fitting)):
            logger.info("mixture: %s is too small for reductions by %s", name, left)
        for reduction, weight in fitting.items():
            kinds.append((chips, reduction))
            shares.append(share * weight / sum(fitting.values()))
    return kinds, shares


def _refuse_other_recipe(data: TrainingData) -> None:
    if data.recipe is not None and data.recipe.name != RECIPE:
        raise UserError(
            "mixture-recipe-differs",
            f"the clean images of a mixture are made by '{RECIPE}', and the data's LR is made by "
            f"'{data.recipe.name}', by which the network is validated",
            f"make LR by '{RECIPE}', or train without a mixture",
        )
