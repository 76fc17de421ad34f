"""The score that selects the best weights: PSNR of whole validation chips."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.chips.splits import spread
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.network import TorchNetwork
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.metrics.full_reference import SHAVE
from sen2naip_sr.metrics.psnr import psnr
from sen2naip_sr.training.ranks import Ranks

CHIPS_AT_ONCE = 4


class Validator:
    """Scores a model on the same chips every time.

    Args:
        hr: High-resolution chips (n, C, 2h, 2w).
        lr: Low-resolution chips (n, C, h, w).
        chips: Numbers of the validation chips, int (m,).
        value_range: Digital numbers that map to 0 and 1; their difference is the PSNR's peak.
        most: The largest number of chips to score, spread evenly over ``chips``.
        scored: Returns which HR pixels (C, 2h, 2w) of a chip count; None: all.
        ranks: The processes that share the chips; None: there is one.

    Raises:
        UserError: If there is no chip to score, or the chips are too small to shave.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the first three say what to score, the others how
        self,
        hr: ShardedArray,
        lr: ShardedArray,
        chips: Array,
        value_range: tuple[float, float],
        most: int,
        scored: Callable[[int], Array | None] = lambda chip: None,
        ranks: Ranks | None = None,
    ) -> None:
        if len(chips) == 0:
            raise UserError(
                "no-validation-chip",
                "there are no chips to validate on",
                "give the validation split more places",
            )
        if min(hr.shape[2:]) <= 2 * SHAVE:
            raise UserError(
                "chips-too-small",
                f"HR chips of {hr.shape[2]} x {hr.shape[3]} pixels leave nothing to score after "
                f"shaving {SHAVE} at each border",
                "make larger chips",
            )
        self._hr, self._lr, self._range, self._scored = hr, lr, value_range, scored
        self._ranks = ranks
        self.chips = spread(chips, most)

    @torch.no_grad()
    def __call__(self, model: nn.Module, device: torch.device) -> float:
        """Return the mean PSNR in dB over the chips with pixels that count, all bands together.

        Every rank scores some of the chips, and all ranks return the mean over all of them.

        Predictions are made in float32, put back into digital numbers, clipped and rounded as the
        data's dtype demands. The model is on ``device``, and in eval mode afterwards.
        """
        network = TorchNetwork(_single(model.eval()), self._lr.shape[1], device, "eager", "float32")
        starts = range(0, len(self.chips), CHIPS_AT_ONCE)
        groups = [self.chips[start : start + CHIPS_AT_ONCE] for start in starts]
        if (ranks := self._ranks) is None or ranks.alone:
            return float(torch.cat([self._psnr(network, chips) for chips in groups]).mean())
        # each rank fills its rows; the sum over the ranks is what one process measures
        scores = torch.zeros(len(groups), CHIPS_AT_ONCE)
        counts = torch.zeros(len(groups), dtype=torch.int64)
        for number in range(ranks.rank, len(groups), ranks.count):
            found = self._psnr(network, groups[number]).cpu()
            counts[number] = len(found)
            scores[number, : len(found)] = found
        scores, counts = ranks.add(scores), ranks.add(counts)
        each = [row[:count] for row, count in zip(scores, counts.tolist(), strict=True)]
        return float(torch.cat(each).mean())

    def _psnr(self, network: TorchNetwork, chips: Array) -> Tensor:
        low, high = self._range
        lr, hr = (np.stack([array[chip] for chip in chips]) for array in (self._lr, self._hr))
        predicted, truth = (
            torch.from_numpy(images.astype(np.float32)).to(network.device)
            for images in (predict(network, lr, self._range), hr)
        )
        inside = (..., slice(SHAVE, -SHAVE), slice(SHAVE, -SHAVE))
        valid = self._valid(chips, network.device)
        if valid is None:
            return psnr(predicted[inside], truth[inside], high - low)
        some = valid[inside].any(dim=3).any(dim=2).any(dim=1)
        return psnr(predicted[inside], truth[inside], high - low, valid[inside])[some]

    def _valid(self, chips: Array, device: torch.device) -> Tensor | None:
        """Return the pixels of chips that count (B, C, 2h, 2w), bool; None: all."""
        found = [self._scored(int(chip)) for chip in chips]
        if all(valid is None for valid in found):
            return None
        every = np.ones(self._hr.shape[1:], bool)
        return torch.from_numpy(
            np.stack([every if valid is None else valid for valid in found])
        ).to(device)


def _single(model: nn.Module) -> nn.Module:
    """Return a network in float32: itself, or a copy."""
    doubled = any(weight.dtype == torch.float64 for weight in model.parameters())
    return copy.deepcopy(model).float() if doubled else model
