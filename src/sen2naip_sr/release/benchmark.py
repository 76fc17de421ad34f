"""The benchmark's chips of NAIP as stores, split as in the environment naip."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.parameters import PreprocessingParameters
from sen2naip_sr.chips.splits import TEST, VALIDATION, make_splits
from sen2naip_sr.chips.store import Store, require_store
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.sources.ingest import Ingestion
from sen2naip_sr.sources.parameters import IngestionParameters

if TYPE_CHECKING:
    import pandas as pd

CONF = Path(__file__).parents[3] / "conf" / "base"


@dataclass(frozen=True)
class Chips:
    """Chips of the benchmark, and how they are scored.

    Attributes:
        hr: HR chips, the truth.
        lr: LR chips.
        splits: The split of every chip.
        evaluation: The parameters of scoring.
    """

    hr: Store
    lr: Store
    splits: "pd.DataFrame"
    evaluation: EvaluationParameters

    @property
    def tested(self) -> "pd.DataFrame":
        """The test chips' rows of the index."""
        index = self.hr.table("index")
        return index[(self.splits["split"] == TEST).to_numpy()]

    @property
    def validation_places(self) -> list[str]:
        """The places whose chips chose the best weights."""
        return sorted(self.splits.loc[self.splits["split"] == VALIDATION, "place"].unique())


def make_chips(data: Path, folder: Path, reduction: int = 1) -> Chips:
    """Make the stores that ``kedro run --env=naip`` makes, unless they are up to date.

    Args:
        data: GeoTIFFs, one folder per place.
        folder: The folder of the stores.
        reduction: Downsample the chips by this factor first.
    """
    values = read_parameters()
    given = {"path": str(data), "reduce": reduction}
    ingestion = IngestionParameters(**values["ingestion"] | given)
    preprocessing = PreprocessingParameters(**values["preprocessing"])
    Ingestion(DirectorySource(data), ingestion).make(folder / "hr")
    hr = require_store(folder / "hr")
    Downscaling(hr, preprocessing.recipe, preprocessing.seed).make(folder / "lr")
    splits = make_splits(hr.table("index"), preprocessing.splits)
    evaluation = EvaluationParameters(**values["evaluation"])
    return Chips(hr, require_store(folder / "lr"), splits, evaluation)


def read_parameters() -> dict[str, dict[str, Any]]:
    """Return the sections of ingestion, preprocessing and evaluation in the environment naip."""
    naip = _read("globals")["naip"]
    return {
        name: _merged(_read(f"parameters_{name}")[name], naip.get(name, {}))
        for name in ("ingestion", "preprocessing", "evaluation")
    }


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CONF / f"{name}.yml").read_text(encoding="utf-8"))
    return content


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    nested = {
        key: _merged(base[key], value)
        for key, value in changes.items()
        if isinstance(value, dict) and isinstance(base.get(key), dict)
    }
    return base | changes | nested
