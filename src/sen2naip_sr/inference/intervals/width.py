"""The half-width of intervals: learnt from features, times a power of the scene's factor."""

from dataclasses import dataclass

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.intervals.features import NAMES, features
from sen2naip_sr.inference.values import doubled
from sen2naip_sr.weights.calibration import Calibration, WidthModel

FORMULA = "width@1"
"""Id of the formula: change it whenever features or half-widths change."""

FARTHEST = 4.0
"""Features are clipped to so many spreads around their centre: beyond is nothing to learn from."""

_CHUNK = 4096
"""Pixels computed at once. All products have this size, so that a pixel's bits do not depend on
where it lies, nor on the number of threads."""


@dataclass(frozen=True)
class Intervals:
    """What makes the intervals of a scene.

    Args:
        calibration: The calibration of the weights that predict.
        factor: The scene's factor.

    Raises:
        UserError: If the calibration is another version's.
    """

    calibration: Calibration
    factor: float = 1.0

    def __post_init__(self) -> None:
        if self.calibration.formula != FORMULA or len(self.calibration.width.centre) != len(NAMES):
            raise UserError(
                "calibration-outdated",
                f"the calibration is for the formula '{self.calibration.formula}', not '{FORMULA}'",
                "calibrate again with this version",
            )

    @property
    def _times(self) -> float:
        return float(self.calibration.correction * self.factor**self.calibration.power)

    def __call__(self, prediction: Array) -> Array:
        """Return the half-widths of the intervals around a prediction.

        Windows need `sen2naip_sr.inference.intervals.features.HALO` around them, cut off where the
        scene ends.

        Args:
            prediction: (C, 2h, 2w), normalised, finite; not rounded.

        Returns:
            (C, 2h, 2w), float32, shares of the value range, equal in each LR pixel's 2 x 2. The
            interval lies around the written prediction, which is rounded if the data are integers.

        Raises:
            UserError: If the calibration is for another number of bands.
        """
        if self.calibration.bands != len(prediction):
            raise UserError(
                "calibration-differs",
                f"the calibration is for {self.calibration.bands} bands, not {len(prediction)}",
                "give the calibration of the weights that predict",
            )
        found = features(prediction)
        logs = log_widths(self.calibration.width, found.reshape(len(found), -1))
        widths = np.exp(logs) * np.float32(self._times)
        return doubled(widths.reshape(found.shape[1:]))


def log_widths(model: WidthModel, found: Array) -> Array:
    """Return the logarithm of the half-width of pixels.

    Args:
        model: The model.
        found: (features, n), float32.

    Returns:
        (n,), float32.
    """
    first, bias = _folded(model)
    output = np.array(model.output, np.float32)
    low, high = _limits(model)
    result = np.empty(found.shape[1], np.float32)
    chunk = np.zeros((len(found), _CHUNK), np.float32)
    for start in range(0, len(result), _CHUNK):
        part = result[start : start + _CHUNK]
        np.clip(found[:, start : start + _CHUNK], low, high, out=chunk[:, : len(part)])
        values = first @ chunk
        values += bias
        np.maximum(values[:-1], 0, out=values[:-1])
        # the sum over a few rows in one order: a product of matrices need not keep it
        total = values[-1]
        for weight, row in zip(output, values[:-1], strict=True):
            total = total + weight * row
        part[:] = total[: len(part)]
    return result


def _folded(model: WidthModel) -> tuple[Array, Array]:
    """Return weights (hidden + 1, features) and biases of raw features; the last is direct."""
    weights = np.array([*model.hidden, model.direct]) / np.array(model.spread)
    biases = np.array([*model.hidden_bias, model.bias]) - weights @ np.array(model.centre)
    return weights.astype(np.float32), biases.astype(np.float32)[:, None]


def _limits(model: WidthModel) -> tuple[Array, Array]:
    centre, spread = np.array(model.centre)[:, None], np.array(model.spread)[:, None]
    margin = FARTHEST * spread
    return (centre - margin).astype(np.float32), (centre + margin).astype(np.float32)
