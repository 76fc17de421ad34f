"""Steps between a prediction and the result: consistency with LR, and intervals."""

from dataclasses import dataclass

from sen2naip_sr.arrays import Array
from sen2naip_sr.inference.consistency import Consistency
from sen2naip_sr.inference.intervals.features import HALO
from sen2naip_sr.inference.intervals.width import Intervals
from sen2naip_sr.inference.values import ValueRange


@dataclass(frozen=True)
class Postprocessing:
    """Steps between a prediction and the result. There are none by default.

    Predictions are projected onto the images that downscale to LR, and then get intervals.
    """

    consistency: Consistency | None = None
    intervals: Intervals | None = None

    @property
    def halo(self) -> int:
        """LR pixels around a window that its result depends on; none where the scene ends."""
        projected = self.consistency.halo if self.consistency else 0
        return projected + (HALO if self.intervals else 0)

    def __call__(
        self, prediction: Array, lr: Array | None, value_range: ValueRange
    ) -> tuple[Array, Array | None]:
        """Postprocess the prediction of a window, which is cut off where the scene ends.

        Args:
            prediction: (C, 2h, 2w), normalised, finite.
            lr: (C, h, w), normalised, float64; None if there is no consistency.
            value_range: Digital numbers that are 0 and 1.

        Returns:
            The prediction (C, 2h, 2w), float64 if it was projected. The half-widths of its
            intervals (C, 2h, 2w) in digital numbers, or None if none are wanted.
        """
        if self.consistency is not None:
            assert lr is not None
            prediction = self.consistency(prediction, lr)
        if self.intervals is None:
            return prediction, None
        low, high = value_range
        return prediction, self.intervals(prediction) * (high - low)
