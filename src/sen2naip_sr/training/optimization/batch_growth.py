"""Larger batches, by gradient accumulation, as the gradient becomes noisier."""

from typing import Any

from sen2naip_sr.training.parameters.optimization import BatchGrowthParameters


class BatchGrowth:
    """Decides how many micro-batches a step accumulates.

    A batch well below the gradient noise scale wastes steps, a batch well above it wastes samples
    (McCandlish et al. 2018, "An Empirical Model of Large-Batch Training",
    https://arxiv.org/abs/1812.06162, section 2). The noise scale grows as the loss falls, so the
    batch starts at one micro-batch. At each decision it doubles if it is smaller than the noise
    scale. It never shrinks: a low measurement late in a training is noise.

    Args:
        parameters: The limit and the interval of the growth.
        batch_size: Samples in a micro-batch.

    Attributes:
        micro_batches: Number of micro-batches in the next step.
        drawn: Number of micro-batches in all steps so far.
    """

    def __init__(self, parameters: BatchGrowthParameters, batch_size: int) -> None:
        self._parameters = parameters
        self._batch_size = batch_size
        self.micro_batches = 1
        self.drawn = 0

    @property
    def size(self) -> int:
        """Samples in the next step."""
        return self.micro_batches * self._batch_size

    @property
    def numbers(self) -> range:
        """The numbers of the next step's micro-batches, counted from 0 through all steps.

        Each is drawn once. Until the batch grows, the number is the step's.
        """
        return range(self.drawn, self.drawn + self.micro_batches)

    def advance(self, step: int, noise_scale: float) -> None:
        """Count the last step, number ``step``, and decide on the next one.

        The measured noise scale is in samples; NaN if there is none yet, infinite if the noise
        hides the gradient.
        """
        self.drawn += self.micro_batches
        if step % self._parameters.every == 0 and noise_scale > self.size:
            self.micro_batches = min(2 * self.micro_batches, self._parameters.largest)

    def state_dict(self) -> dict[str, Any]:
        """Return the state as plain numbers."""
        return {"micro_batches": self.micro_batches, "drawn": self.drawn}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.micro_batches, self.drawn = state_dict["micro_batches"], state_dict["drawn"]
