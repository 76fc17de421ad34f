"""Batches of the mixture: crops of all imagery, observed by random sensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from sen2naip_sr.degradation.draws import Draws
from sen2naip_sr.degradation.parameters import SensorParameters, ToldParameters, TruthParameters
from sen2naip_sr.degradation.sensor import draw_sensors, observe
from sen2naip_sr.degradation.told import told
from sen2naip_sr.degradation.truth import oriented, varied
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.mixture.bank import Bank
from sen2naip_sr.training.parameters.mixture import BatchParameters

CLEAN = SensorParameters(clean=1)
"""The recipe alone."""


class Degradation(Protocol):
    """Parameters of what is done to crops.

    Attributes:
        truth: How HR is varied; None: only turned and mirrored.
        sensor: Which sensors make LR; None: the clean recipe.
        told: What a network is told of a sensor.
    """

    @property
    def truth(self) -> TruthParameters | None: ...  # noqa: D102
    @property
    def sensor(self) -> SensorParameters | None: ...  # noqa: D102
    @property
    def told(self) -> ToldParameters: ...  # noqa: D102


@dataclass(frozen=True)
class Batch:
    """A batch in random order.

    Attributes:
        lr: (B, C, h, w), about [0, 1].
        hr: (B, C, 2h, 2w).
        conditions: (B, n), encoded: what the networks are told.
    """

    lr: Tensor
    hr: Tensor
    conditions: Tensor

    def part(self, which: slice) -> "Batch":
        """Return some of the batch."""
        return Batch(self.lr[which], self.hr[which], self.conditions[which])

    def parts(self, count: int) -> "list[Batch]":
        """Return the batch in so many parts of equal size."""
        fields = (part.chunk(count) for part in (self.lr, self.hr, self.conditions))
        return [Batch(*part) for part in zip(*fields, strict=True)]


def observed(crops: Tensor, deep: Tensor, degradation: Degradation, draws: Draws) -> Batch:
    """Vary crops, and observe them by sensors.

    Args:
        crops: (B, C, n, n), values in [0, 1].
        deep: (B,), whether a crop has more than 8 bits.
        degradation: What is done to them.
        draws: For B crops.
    """
    hr = oriented(crops, draws)
    if degradation.truth:
        hr = varied(hr, deep, degradation.truth, draws)
    sensors = draw_sensors(degradation.sensor or CLEAN, deep, hr.shape[1], draws)
    lr, truth = observe(hr, sensors, draws)
    conditions = told(truth, degradation.told, draws) if degradation.sensor else truth
    encoded, order = conditions.encode(), draws.uniform().argsort()
    return Batch(lr[order], hr[order], encoded[order])


class BatchMaker:
    """Makes batches of one kind.

    Args:
        banks: The imagery.
        kind: Crops and sizes.
        degradation: What is done to crops.
        generator: Where all randomness comes from; on the device of the imagery.

    Raises:
        UserError: If there is no imagery for any of the kind's crops, or chips are too small.
    """

    def __init__(
        self,
        banks: Sequence[Bank],
        kind: BatchParameters,
        degradation: Degradation,
        generator: torch.Generator,
    ) -> None:
        by_depth = {bank.deep: bank for bank in banks}
        crops = [crop for crop in kind.crops if crop.deep in by_depth]
        if not crops:
            raise UserError(
                "imagery-missing",
                "no imagery for the crops of a batch",
                "pack imagery of 8 bits, or of more, as the crops say",
            )
        counts = apportioned(kind.images, [crop.share for crop in crops])
        self._parts = [
            (by_depth[crop.deep], crop.reduction, Draws(count, generator))
            for crop, count in zip(crops, counts, strict=True)
        ]
        for bank, reduction, _ in self._parts:
            if (size := kind.side * reduction) > bank.side:
                raise UserError(
                    "chips-too-small",
                    f"crops of {size} x {size} pixels, chips of {bank.side}",
                    "choose smaller crops or reductions, or leave out small images",
                )
        flags = [torch.full((draws.images,), bank.deep) for bank, _, draws in self._parts]
        self._deep = torch.cat(flags).to(generator.device)
        self._side, self._degradation = kind.side, degradation
        self._draws = Draws(kind.images, generator)

    def __call__(self) -> Batch:
        """Return the next batch."""
        crops = torch.cat(
            [bank.draw(self._side, reduction, some) for bank, reduction, some in self._parts]
        )
        return observed(crops, self._deep, self._degradation, self._draws)


def apportioned(total: int, shares: Sequence[float]) -> list[int]:
    """Return whole numbers in proportion to shares, with a sum of ``total``."""
    limits = [round(total * sum(shares[:k]) / sum(shares)) for k in range(len(shares) + 1)]
    return [after - before for before, after in pairwise(limits)]
