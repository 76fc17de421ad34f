"""Noise, blur and compression of a scene, estimated from the scene itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from sen2naip_sr.inference.estimation.choice import Build, Choice, choose_blur
from sen2naip_sr.inference.estimation.features import features
from sen2naip_sr.inference.estimation.jpeg import EVIDENCE, jpeg_evidence
from sen2naip_sr.inference.estimation.regressor import (
    WIDTHS,
    decode_noise,
    regressor_inputs,
    shipped_regressor,
)
from sen2naip_sr.inference.estimation.windows import SCALE, sample_windows
from sen2naip_sr.inference.values import ValueRange
from sen2naip_sr.models.conditions import Conditions

if TYPE_CHECKING:
    from sen2naip_sr.raster.protocol import Scene

_WINDOWS_FOR_COMPRESSION = 3


@dataclass(frozen=True)
class Estimate:
    """What a scene tells about itself.

    Attributes:
        conditions: Its noise, blur and compression; None if nothing could be estimated.
        problem: Why nothing could be estimated, in words.
        shares: (2, widths), the probability of each of `WIDTHS` down the columns and along the
            rows.
        windows: (n, C, side, side), what it was estimated from, on a scale from 0 to `SCALE`.
    """

    conditions: Conditions | None
    problem: str = ""
    shares: Tensor | None = None
    windows: Tensor | None = None

    def choose(self, known: Conditions, build: Build) -> Choice:
        """Return what a network is best told about the blur; see `choose_blur`.

        Args:
            known: The noise and compression that the network is told.
            build: Makes the network that is told some conditions.
        """
        assert self.shares is not None
        assert self.windows is not None
        with torch.inference_mode():
            return choose_blur(self.shares, self.windows, known, build)


def estimate_conditions(scene: "Scene", value_range: ValueRange) -> Estimate:
    """Estimate noise, blur and compression of a scene from some of its windows.

    It takes less than a second, whatever the size of the scene, and depends on nothing random.

    Args:
        scene: The scene, of any number of bands.
        value_range: Digital numbers that become 0 and 1.

    Raises:
        UserError: If the scene cannot be read.
    """
    sampled = sample_windows(scene, value_range)
    if not len(sampled.values):
        return Estimate(None, sampled.problem)
    with torch.inference_mode():
        windows = torch.from_numpy(sampled.values)
        compression = _compression(windows) if _counts_to_255(scene, value_range) else 0.0
        return _estimate(windows, compression)


def _estimate(windows: Tensor, compression: float) -> Estimate:
    values, log_errors, log_widths = shipped_regressor()(
        regressor_inputs(features(windows), torch.full((len(windows),), compression))
    )
    noise = decode_noise(_weighted_median(values, -log_errors))
    # bands and windows err alike, so together they are worth less than independent ones
    evidence = log_widths.mean((0, 1)) * len(windows) ** 0.5
    shares = evidence.softmax(-1)
    # the median width of each axis
    vertical, horizontal = (WIDTHS[int((axis.cumsum(0) < 0.5).sum())] for axis in shares)
    conditions = Conditions(
        tuple(noise.div(SCALE).tolist()),
        ((vertical, horizontal),) * windows.shape[1],
        compression,
    )
    return Estimate(conditions, shares=shares, windows=windows)


def _weighted_median(values: Tensor, log_weights: Tensor) -> Tensor:
    """Return the weighted median over the first axis."""
    ordered, order = values.sort(0)
    share = torch.softmax(log_weights, 0).gather(0, order).cumsum(0)
    return ordered.gather(0, (share < 0.5).sum(0, keepdim=True))[0]


def _compression(windows: Tensor) -> float:
    """Return the scale of JPEG's quantisation table; 0 for none."""
    scale, evidence = jpeg_evidence(windows[:_WINDOWS_FOR_COMPRESSION].round())
    return scale if float(evidence.median()) > EVIDENCE else 0.0


def _counts_to_255(scene: "Scene", value_range: ValueRange) -> bool:
    """Return whether a whole number of the scene is a whole number of the windows."""
    low, high = value_range
    return np.issubdtype(scene.dtype, np.integer) and high - low == SCALE
