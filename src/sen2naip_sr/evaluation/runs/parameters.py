"""The parameters of comparing tracked runs."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, RootModel, model_validator

from sen2naip_sr.evaluation.paired.resampling import Resampling
from sen2naip_sr.metrics.catalogue import METRICS
from sen2naip_sr.parameters import LIST_SEPARATOR, Parameters, known_as


class ComparedRuns(RootModel[list[str]]):
    """Which runs are compared, in this order.

    A text is read too: entries between semicolons, with or without brackets, as in ``a;b`` or
    ``[a;b]``. Some command lines split at commas.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    root: list[str] = []
    """Entries ``RUN`` or ``RUN/METHOD``; ``RUN`` is an MLflow run's id, its beginning, or name."""

    @model_validator(mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if value is None:
            return []
        items = value if isinstance(value, (list, tuple)) else [value]
        # an id of digits alone reads as a number
        texts = [str(item) if type(item) is int else item for item in items]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(
                f"{value!r} is not a list of runs: give runs=A;B on the command line, or a list "
                "of quoted texts in conf/"
            )
        parts = [part for text in texts for part in text.strip("[] ").split(LIST_SEPARATOR)]
        return [part.strip(" '\"") for part in parts if part.strip(" '\"")]


class ComparingParameters(Parameters):
    """How tracked runs are compared."""

    metric: Annotated[str, known_as("metric", METRICS)] = "psnr"
    """The metric that is compared: a column of the per-chip scores."""
    bootstrap_draws: int = Field(2000, ge=100)
    """Resamplings of the locations behind every interval."""
    permutations: int = Field(10_000, ge=100, le=1_000_000)
    """Sign patterns of the test: up to so many are enumerated; of more, so many are drawn."""
    seed: int = 0
    """Seeds the resamplings and the drawn patterns."""
    alpha: float = Field(0.05, gt=0, le=0.5)
    """Level of the test: the accepted chance of any false finding. Intervals have the confidence
    1 - alpha."""

    @property
    def resampling(self) -> Resampling:
        """How intervals and p-values are computed."""
        return Resampling(self.bootstrap_draws, self.permutations, self.seed, self.alpha)
