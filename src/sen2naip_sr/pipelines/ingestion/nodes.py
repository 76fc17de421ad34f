"""Nodes of ingestion.

Slow imports are inside the functions, since listing the pipelines needs none of them.
"""

from typing import TYPE_CHECKING, Any

from sen2naip_sr.chips.store import Store, UnmadeStore
from sen2naip_sr.sources import make_source
from sen2naip_sr.sources.parameters import IngestionParameters

if TYPE_CHECKING:
    from pandas import DataFrame
else:  # Kedro evaluates the type hints of nodes, which must not import pandas
    DataFrame = Any


def plan_ingestion(parameters: IngestionParameters) -> UnmadeStore:
    """Plan how a source is cut into chips. The catalog makes the store from the plan."""
    from sen2naip_sr.sources.ingest import Ingestion

    return Ingestion(make_source(parameters), parameters)


def list_rejected(hr: Store) -> DataFrame:
    """Return what was rejected: file, row and column, reason, remedy."""
    return hr.table("rejected")
