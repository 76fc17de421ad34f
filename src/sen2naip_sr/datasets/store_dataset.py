"""The catalog's dataset for chip stores."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from sen2naip_sr.chips.store import Store, UnmadeStore, read_store, require_store


class StoreDataset(AbstractDataset[UnmadeStore, Store]):
    """Makes a chip store when it is saved, and memory-maps it when it is loaded.

    Saving does nothing if the store exists and was made from the same inputs.

    Example:
        .. code-block:: yaml

            hr:
              type: sen2naip_sr.datasets.StoreDataset
              filepath: data/02_intermediate/hr
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Point to a folder.

        Args:
            filepath: The store's folder.
            metadata: Anything, for plugins.
        """
        self._folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> Store:
        """Open the store; no pixel is read."""
        return require_store(self._folder)

    def save(self, data: UnmadeStore) -> None:
        """Make the store, chip by chip, unless it is up to date."""
        data.make(self._folder)

    def _exists(self) -> bool:
        return read_store(self._folder) is not None

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}
