"""The README's chips of NAIP as stores, split as conf/naip says."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from kedro.config import OmegaConfigLoader

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.splits import TEST, TRAIN, VALIDATION, make_splits
from sen2naip_sr.chips.store import Store, require_store
from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.pipelines.preprocessing.parameters import PreprocessingParameters
from sen2naip_sr.settings import CONFIG_LOADER_ARGS
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.sources.ingest import Ingestion
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.training.crops.sampler import TrainingData

CONF = Path(__file__).parents[1] / "conf"
SCENES = "scenes"
"""The folder beside that of the chips which holds whole scenes."""


@dataclass(frozen=True)
class Chips:
    """Chips of the benchmark, and how they are scored."""

    hr: Store
    lr: Store
    splits: pd.DataFrame
    evaluation: EvaluationParameters

    @property
    def tested(self) -> pd.DataFrame:
        """The test chips' rows of the index."""
        index = self.hr.table("index")
        return index[(self.splits["split"] == TEST).to_numpy()]

    @property
    def validation_places(self) -> list[str]:
        """The places that picked the best weights."""
        return sorted(self.splits.loc[self.splits["split"] == VALIDATION, "place"].unique())


def make_chips(data: Path, folder: Path, reduction: int = 1) -> Chips:
    """Make the benchmark's stores as ``kedro run --env=naip`` would, unless they are current.

    Args:
        data: GeoTIFFs, one folder a place.
        folder: Where the stores lie.
        reduction: Make pixels so many times larger first.
    """
    given = {"ingestion": {"path": str(data), "reduce": reduction}}
    values = OmegaConfigLoader(CONF, env="naip", runtime_params=given, **CONFIG_LOADER_ARGS)[
        "parameters"
    ]
    preprocessing = PreprocessingParameters(**values["preprocessing"])
    Ingestion(DirectorySource(data), IngestionParameters(**values["ingestion"])).make(folder / "hr")
    hr = require_store(folder / "hr")
    Downscaling(hr, preprocessing.recipe, preprocessing.seed).make(folder / "lr")
    splits = make_splits(hr.table("index"), preprocessing.splits)
    return Chips(
        hr, require_store(folder / "lr"), splits, EvaluationParameters(**values["evaluation"])
    )


@contextmanager
def stores(data: Path, reduce: int = 1) -> Iterator[tuple[Store, Store, pd.DataFrame]]:
    """Make HR, LR and splits in a temporary folder.

    Args:
        data: One folder a place.
        reduce: Make pixels so many times larger first.
    """
    with tempfile.TemporaryDirectory() as scratch:
        chips = make_chips(data, Path(scratch), reduce)
        yield chips.hr, chips.lr, chips.splits


def training_data(hr: Store, lr: Store, splits: pd.DataFrame) -> TrainingData:
    """Return what `fit` takes."""
    train, validation = (
        splits.loc[splits["split"] == split, "chip"].to_numpy() for split in (TRAIN, VALIDATION)
    )
    low, high = hr.attributes["value_range"]
    recipe = get_recipe(lr.attributes["recipe"].partition("@")[0])
    return TrainingData(hr.chips, lr.chips, train, validation, (low, high), recipe)
