"""The benchmark's chips of NAIP in temporary stores."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from sen2naip_sr.chips.splits import TRAIN, VALIDATION
from sen2naip_sr.chips.store import Store
from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.release.benchmark import make_chips
from sen2naip_sr.training.crops.sampler import TrainingData

SCENES = "scenes"
"""The folder of whole scenes, beside that of the chips."""


@contextmanager
def stores(data: Path, reduce: int = 1) -> Iterator[tuple[Store, Store, pd.DataFrame]]:
    """Make HR, LR and splits in a temporary folder.

    Args:
        data: GeoTIFFs, one folder per place.
        reduce: Downsample the chips by this factor first.
    """
    with tempfile.TemporaryDirectory() as scratch:
        chips = make_chips(data, Path(scratch), reduce)
        yield chips.hr, chips.lr, chips.splits


def training_data(hr: Store, lr: Store, splits: pd.DataFrame) -> TrainingData:
    """Return the data for `fit`."""
    train, validation = (
        splits.loc[splits["split"] == split, "chip"].to_numpy() for split in (TRAIN, VALIDATION)
    )
    low, high = hr.attributes["value_range"]
    recipe = get_recipe(lr.attributes["recipe"].partition("@")[0])
    return TrainingData(hr.chips, lr.chips, train, validation, (low, high), recipe)
