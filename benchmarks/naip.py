"""The README's chips of NAIP as stores, split as conf/naip says."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import yaml

from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.pairs import Downscaling
from sen2naip_sr.raster.store import Store, require_store
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.sources.ingest import Ingestion
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.splits import TRAIN, VALIDATION, SplitParameters, make_splits
from sen2naip_sr.training.sampler import TrainingData

CONF = Path(__file__).parents[1] / "conf/naip"
RECIPE = "bicubic_antialiased"


@contextmanager
def stores(data: Path, reduce: int = 1) -> Iterator[tuple[Store, Store, pd.DataFrame]]:
    """Make HR, LR and splits in a temporary folder.

    Args:
        data: One folder a place.
        reduce: Make pixels so many times larger first.
    """
    ingestion = _conf("ingestion") | {"path": str(data), "reduce": reduce}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        Ingestion(DirectorySource(data), IngestionParameters(**ingestion)).make(folder / "hr")
        hr = require_store(folder / "hr")
        Downscaling(hr, RECIPE).make(folder / "lr")
        parameters = SplitParameters(**_conf("preprocessing")["splits"])
        yield hr, require_store(folder / "lr"), make_splits(hr.table("index"), parameters)


def training_data(hr: Store, lr: Store, splits: pd.DataFrame) -> TrainingData:
    """Return what `fit` takes."""
    train, validation = (
        splits.loc[splits["split"] == split, "chip"].to_numpy() for split in (TRAIN, VALIDATION)
    )
    low, high = hr.attributes["value_range"]
    return TrainingData(hr.chips, lr.chips, train, validation, (low, high), get_recipe(RECIPE))


def _conf(name: str) -> dict:
    return yaml.safe_load((CONF / f"parameters_{name}.yml").read_text())[name]
