"""Nodes of ingestion.

Heavy imports stand inside the functions: listing pipelines needs none of them.
"""

import pandas as pd

from sen2naip_sr.chips.store import Store, UnmadeStore
from sen2naip_sr.sources import make_source
from sen2naip_sr.sources.parameters import IngestionParameters


def plan_ingestion(parameters: IngestionParameters) -> UnmadeStore:
    """Say which source is to be cut into chips, and how; the catalog makes the store of it."""
    from sen2naip_sr.sources.ingest import Ingestion

    return Ingestion(make_source(parameters), parameters)


def list_rejected(hr: Store) -> pd.DataFrame:
    """Return everything that could not be used: file, row and column, reason, remedy."""
    return hr.table("rejected")
