"""The optional metrics that an evaluation asks for: what they need, cost and give."""

import logging
import math
from collections import defaultdict
from typing import TYPE_CHECKING

import pandas as pd

from sen2naip_sr.evaluation.columns import ALL_BANDS
from sen2naip_sr.evaluation.perceptual.parameters import PerceptualMetricsParameters
from sen2naip_sr.metrics.catalogue import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from sen2naip_sr.evaluation.perceptual.networks import Extractor
    from sen2naip_sr.metrics.full_reference import Scores

logger = logging.getLogger(__name__)

COLUMNS = ["method", "metric", "title", "value", "chips", "samples", "seconds", "reason"]
"""Of `Asked.table`. ``samples`` are the patches behind the value of a set."""


class Asked:
    """The optional metrics of one evaluation.

    A metric whose weights or package are missing has no value, and the reason stands in the table.

    Args:
        parameters: Which metrics, and the weights that they need.

    Attributes:
        keys: Their keys, in the order of the catalogue.
        extractors: What they take features from, by name.
        reasons: Why a metric has no value, by its key.

    Raises:
        UserError: If given weights are damaged or have another checksum.
    """

    def __init__(self, parameters: PerceptualMetricsParameters) -> None:
        self.keys = tuple(key for key in METRICS if key in parameters.metrics)
        self.extractors: dict[str, Extractor] = {}
        self.reasons: dict[str, str] = {}
        self._features: dict[tuple[str, str], list[Tensor]] = defaultdict(list)
        self._seconds: dict[tuple[str, str], float] = defaultdict(float)
        self._prepare(parameters)

    def _prepare(self, parameters: PerceptualMetricsParameters) -> None:
        if not self.keys:
            return
        from sen2naip_sr.evaluation.perceptual.networks import EXTRACTORS
        from sen2naip_sr.evaluation.perceptual.weights import MissingError

        for key in self.keys:
            needs = METRICS[key].needs
            if not needs or needs in self.extractors:
                continue
            try:
                self.extractors[needs] = EXTRACTORS[needs](parameters)
            except MissingError as error:
                self.reasons[key] = str(error)
                logger.warning("%s has no value: %s", METRICS[key].title, error)

    def add(self, method: str, scores: "Scores") -> None:
        """Keep what a chip's scores leave for the metrics of sets, and what they cost."""
        for key, found in scores.gathered.items():
            self._features[method, key].extend(found)
        for key, seconds in scores.seconds.items():
            self._seconds[method, key] += seconds

    def table(self, methods: "Sequence[str]", scores: pd.DataFrame) -> pd.DataFrame:
        """Return a row for each method and metric, with `COLUMNS`.

        Args:
            methods: Names of the methods.
            scores: Of the chips; see `sen2naip_sr.evaluation.scoring.score_methods`.
        """
        rows = []
        for method in methods:
            chips = scores[(scores["method"] == method) & (scores["band"] == ALL_BANDS)]
            for key in self.keys:
                value, samples = self._value(method, key, chips)
                rows.append(
                    {
                        "method": method,
                        "metric": key,
                        "title": METRICS[key].title,
                        "value": value,
                        "chips": len(chips),
                        "samples": samples,
                        "seconds": round(self._seconds[method, key], 3),
                        "reason": self._reason(key, value),
                    }
                )
        return pd.DataFrame(rows, columns=COLUMNS)

    def _value(self, method: str, key: str, chips: pd.DataFrame) -> tuple[float, int]:
        of_set = METRICS[key].of_set
        if of_set is None:
            return (float(chips[key].mean()) if key in chips else math.nan), 0
        found = self._features.get((method, key))
        if not found:
            return math.nan, 0
        import torch

        prediction, truth = torch.cat(found, dim=1)
        return of_set(prediction, truth), len(truth)

    def _reason(self, key: str, value: float) -> str:
        if key in self.reasons:
            return self.reasons[key]
        return "" if math.isfinite(value) else "not defined for chips of these bands and this size"
