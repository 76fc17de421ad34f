"""Batches with the outputs of a larger network, which are kept and come again."""

from pathlib import Path

import torch
from torch import Tensor

from sen2naip_sr.models.networks.lean import Lean
from sen2naip_sr.release.imagery.bank import Imagery
from sen2naip_sr.release.imagery.parameters import DistillingParameters
from sen2naip_sr.training.mixture.batches import Batch, BatchMaker


class LabelledBatches:
    """Batches with the outputs of a larger network, on the CPU.

    Args:
        packed: Folder of packed imagery.
        parameters: Those of the training.
        teacher: The larger network.

    Attributes:
        validation: Chips of the place that validates.
        trained: Names of the places that are trained on.

    Raises:
        UserError: If the imagery does not fit the parameters.
    """

    def __init__(self, packed: Path, parameters: DistillingParameters, teacher: Lean) -> None:
        imagery, device = parameters.imagery, torch.device("cpu")
        found = Imagery.read(packed, imagery, device)
        self.validation = found.validation
        self.trained = [place.name for place in found.trained]
        made, drawn = (torch.Generator().manual_seed(imagery.seed + k) for k in range(2))
        self._generator, self._kept, self._teacher = drawn, parameters.kept, teacher
        self._make = BatchMaker(found.banks, parameters.batch, imagery, made)
        self._batches: list[tuple[Batch, Tensor]] = []

    def first(self, count: int) -> tuple[Tensor, Tensor]:
        """Return the LR, (B, C, h, w), and the conditions, (B, n), of the first batches."""
        while len(self._batches) < min(count, self._kept):
            self._add()
        some = [batch for batch, _ in self._batches[:count]]
        return torch.cat([b.lr.float() for b in some]), torch.cat([b.conditions for b in some])

    def draw(self) -> tuple[Batch, Tensor]:
        """Return a batch and the teacher's outputs for it, (B, C, 2h, 2w)."""
        which = -1
        if len(self._batches) < self._kept:
            self._add()
        else:
            which = int(torch.randint(self._kept, (), generator=self._generator))
        batch, taught = self._batches[which]
        # turns would change the blur that the conditions tell of
        axes = [axis for axis in (-2, -1) if torch.rand((), generator=self._generator) < 0.5]
        lr, hr, taught = (_fast(maps.float().flip(axes)) for maps in (batch.lr, batch.hr, taught))
        return Batch(lr, hr, batch.conditions), taught

    @torch.no_grad()
    def _add(self) -> None:
        batch = self._make()
        with torch.autocast("cpu", torch.bfloat16):
            taught = self._teacher(_fast(batch.lr), batch.conditions)
        # half the memory
        kept = Batch(batch.lr.half(), batch.hr.half(), batch.conditions)
        self._batches.append((kept, taught.half()))


def _fast(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=torch.channels_last)
