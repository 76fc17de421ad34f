"""The batches of a training: crops of the data or of a mixture, and what the network is told."""

from collections.abc import Sequence

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.predict import normalised
from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.training.crops.mixed import MixtureSampler
from sen2naip_sr.training.crops.sampler import CropSampler, TrainingData
from sen2naip_sr.training.objective.objective import Crops
from sen2naip_sr.training.parameters import TrainingParameters


class Batches:
    """This rank's part of every batch, on the device, as a pure function of seed and number.

    A network with conditions is told what the mixture tells, or without a mixture that every image
    is a clean one made by the recipe.

    Args:
        model: The network.
        data: Chips and sources.
        parameters: How to train.
        fabric: The device and the processes.

    Raises:
        UserError: What `CropSampler` and `MixtureSampler` raise, or if a network with conditions
            is wrapped in another one.
    """

    def __init__(
        self, model: nn.Module, data: TrainingData, parameters: TrainingParameters, fabric: Fabric
    ) -> None:
        p, self._device, self._range = parameters, fabric.device, data.value_range
        self._double = p.precision == "64-true"
        ranks = {"rank": fabric.global_rank, "world_size": fabric.world_size}
        self._weighted = bool(p.detail and p.detail.weighted)
        self._told = _is_told(model)
        self._mixed = MixtureSampler(data, p, fabric.device, **ranks) if p.mixture else None
        self._sampler = (
            None
            if self._mixed
            else CropSampler(
                data, p.crop_size, p.batch_size, p.seed, p.augmentation, p.detail, **ranks
            )
        )
        bands = data.hr.shape[1]
        self._recipe = Conditions.of_recipe(bands).encode(bands) if self._told else None

    def crops(self, number: int) -> Crops:
        """Return this rank's crops of a batch, from number 0."""
        if self._mixed:
            batch = self._mixed.batch(number)
            return Crops(batch.lr, batch.hr, None, batch.conditions if self._told else None)
        assert self._sampler is not None
        cut = self._sampler.cut(number)
        lr, hr = (normalised(array, self._range, self._device) for array in (cut.lr, cut.hr))
        if self._double:
            lr, hr = lr.double(), hr.double()
        weights = None
        if self._weighted:
            weights = torch.from_numpy(self._sampler.weights(number)).to(self._device)
        lr_valid, scored = (
            None if array is None else torch.from_numpy(array).to(self._device)
            for array in (cut.lr_valid, cut.scored)
        )
        return Crops(lr, hr, weights, self._clean(len(lr)), lr_valid, scored)

    def origin(self, numbers: Sequence[int]) -> str:
        """Say what batches were cut from, for messages."""
        if self._sampler is None:
            return "a mixture"
        chips = [self._sampler.chips(number) for number in numbers]
        return f"chips {listed(np.unique(chips))}"

    def _clean(self, count: int) -> Tensor | None:
        if self._recipe is None:
            return None
        return self._recipe.to(self._device).expand(count, -1)


def listed(chips: Array) -> str:
    """Return numbers of chips, joined by commas."""
    return ", ".join(map(str, chips.tolist()))


def _is_told(model: nn.Module) -> bool:
    """Return whether the network is told conditions in training."""
    if getattr(model, "conditioned", False):
        return True
    if any(getattr(part, "conditioned", False) for part in model.modules()):
        raise UserError(
            "conditions-not-trained",
            "a network with conditions cannot be trained inside of another one",
            "build it without conditions",
        )
    return False
