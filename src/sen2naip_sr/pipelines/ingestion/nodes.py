"""Nodes of ingestion.

Heavy imports stand inside the functions: listing pipelines needs none of them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sen2naip_sr.chips.store import Store, UnmadeStore
from sen2naip_sr.sources.parameters import IngestionParameters

if TYPE_CHECKING:
    from sen2naip_sr.sources.base import Source


def plan_ingestion(parameters: IngestionParameters) -> UnmadeStore:
    """Say which source is to be cut into chips, and how; the catalog makes the store of it."""
    from sen2naip_sr.sources.ingest import Ingestion

    return Ingestion(make_source(parameters), parameters)


def make_source(parameters: IngestionParameters) -> "Source":
    """Return the source that the parameters name; no file is touched."""
    raw = Path(parameters.raw_folder)
    if parameters.source == "directory":
        from sen2naip_sr.sources.directory import DirectorySource

        return DirectorySource(Path(parameters.path or ""))
    if parameters.source == "sen2naip":
        from sen2naip_sr.sources.sen2naip import Sen2NaipSource

        return Sen2NaipSource(
            path=Path(parameters.path) if parameters.path else None,
            cache=raw / "sen2naip",
            **parameters.sen2naip.model_dump(),
        )
    from sen2naip_sr.sources.sample import SampleSource

    return SampleSource(folder=raw / "sample", **parameters.sample.model_dump())


def list_rejected(hr: Store) -> pd.DataFrame:
    """Return everything that could not be used: file, row and column, reason, remedy."""
    return hr.table("rejected")
