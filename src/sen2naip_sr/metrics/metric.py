"""What a metric is, and what it is computed from.

torch is imported inside functions, here and in every metric's module: listing pipelines imports
the catalogue.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Pair:
    """A prediction of one chip and its truth, in digital numbers, float64.

    Attributes:
        prediction: (C, H, W), without the shaved borders.
        truth: The same shape.
        data_range: Largest minus smallest possible digital number.
        ratio: Pixel size of the low resolution over that of the high resolution.
        whole: The prediction with its borders: ``shave`` more pixels on each side.
        shave: Pixels left out on each side.
        lr: The low-resolution chip (C, h, w); None where it is not known.
        downscale: The recipe: maps (B, C, H, W) to (B, C, h, w); None where it is not known.
        valid: The pixels that count (C, H, W), bool; None: all. In the others the prediction is the
            truth.
        lr_valid: The pixels of ``lr`` that count, likewise.
        low: Digital number of zero radiance.
        extractors: What optional metrics take features from, by the name that they need.
        memo: Intermediate results that several metrics share, by name.
    """

    prediction: "Tensor"
    truth: "Tensor"
    data_range: float
    ratio: int
    whole: "Tensor"
    shave: int
    lr: "Tensor | None" = None
    downscale: "Callable[[Tensor], Tensor] | None" = None
    valid: "Tensor | None" = None
    lr_valid: "Tensor | None" = None
    low: float = 0.0
    extractors: "Mapping[str, Callable[..., Any]]" = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)


def mean_of_valid(values: "Tensor", valid: "Tensor | None") -> "Tensor":
    """Return the means over the last two axes; only valid pixels count, None: all.

    NaN where there is none.
    """
    if valid is None:
        return values.mean(dim=(-2, -1))
    return values.where(valid, 0.0).sum(dim=(-2, -1)) / valid.sum(dim=(-2, -1))


def valid_windows(valid: "Tensor | None", size: int) -> "Tensor | None":
    """Return which windows of ``size`` x ``size`` pixels, one at every pixel, are wholly valid."""
    if valid is None:
        return None
    from torch.nn.functional import max_pool2d

    return max_pool2d((~valid).double(), size, stride=1) == 0


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One entry of the catalogue: how a metric is computed, compared and shown.

    Attributes:
        key: The column of the scores, and the name in MLflow.
        title: Its name for people.
        unit: Empty for a pure number; ``DN`` are digital numbers.
        higher_is_better: Whether a larger value means a better prediction.
        decimals: How many are shown; more where the value would otherwise be shown as zero.
        position: Where it stands among the others: columns are in rising order.
        bands: Returns the score of each band (C,) of a pair; None: one band has none.
        joint: Returns the score over all bands () of a pair, given the bands' scores; None: their
            mean.
        tracked: Whether its mean stands in comparison tables and in MLflow.
        shown: In which tables for people it stands: the narrow ones too, wide ones only, or none.
        short: Its heading where there is little room; empty: title and unit.
        overview: Whether it is one of the few that show what a loss trades for what.
        costly: Whether it takes as long as all others together; experiments leave it out.
        optional: Whether it is computed only if it is asked for, as perceptual metrics are.
        needs: What has to be there for an optional metric, a name in
            `sen2naip_sr.evaluation.perceptual.networks.EXTRACTORS`; empty: nothing.
        gather: Of a metric of a set of chips: returns what it keeps of a pair, (2, n, d) features
            of prediction and truth; None if they cannot be had.
        of_set: The score of a set, given the features (n, d) of all predictions and truths.
    """

    key: str
    title: str
    unit: str = ""
    higher_is_better: bool
    decimals: int = 2
    position: int
    bands: "Callable[[Pair], Tensor] | None" = None
    joint: "Callable[[Pair, Tensor | None], Tensor] | None" = None
    tracked: bool = True
    shown: Literal["narrow", "wide", "nowhere"] = "nowhere"
    short: str = ""
    overview: bool = False
    costly: bool = False
    optional: bool = False
    needs: str = ""
    gather: "Callable[[Pair], Tensor | None] | None" = None
    of_set: "Callable[[Tensor, Tensor], float] | None" = None

    @property
    def computed(self) -> bool:
        """Whether it is computed from a prediction and its truth."""
        return self.bands is not None or self.joint is not None

    @property
    def heading(self) -> str:
        """Title and unit, for a table's column."""
        return f"{self.title} {self.unit}".strip()

    @property
    def template(self) -> str:
        """A format string over a row of a comparison table."""
        return f"{{{self.key}:.{self.decimals}f}}"

    def amount(self, value: float, *others: float) -> str:
        """Return a value with its unit, and any others as an interval behind it."""
        decimals = self.decimals
        smallest = min((abs(number) for number in (value, *others) if number), default=1.0)
        while decimals < 6 and smallest < 0.5 * 10**-decimals:
            decimals += 1
        # adding zero turns -0.0 into 0.0
        texts = [f"{round(number, decimals) + 0.0:.{decimals}f}" for number in (value, *others)]
        unit = f" {self.unit}" if self.unit else ""
        return texts[0] + unit + (f" [{', '.join(texts[1:])}]" if others else "")
