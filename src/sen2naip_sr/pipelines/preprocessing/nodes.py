"""Nodes of preprocessing.

Slow imports are inside the functions, since listing the pipelines needs none of them.
"""

from typing import TYPE_CHECKING, Any

from sen2naip_sr.chips.parameters import PreprocessingParameters
from sen2naip_sr.chips.store import Store, UnmadeStore

if TYPE_CHECKING:
    from pandas import DataFrame
else:  # Kedro evaluates the type hints of nodes, which must not import pandas
    DataFrame = Any


def plan_downscaling(hr: Store, parameters: PreprocessingParameters) -> UnmadeStore:
    """Plan how chips are downscaled. The catalog makes the store from the plan."""
    from sen2naip_sr.chips.lr_store import Downscaling

    return Downscaling(hr, parameters.recipe, parameters.seed)


def split_chips(hr: Store, parameters: PreprocessingParameters) -> DataFrame:
    """Assign every chip to a split and a fold; see `sen2naip_sr.chips.splits.make_splits`."""
    from sen2naip_sr.chips.splits import make_splits

    return make_splits(hr.table("index"), parameters.splits)
