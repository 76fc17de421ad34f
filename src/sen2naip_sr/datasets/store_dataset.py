"""The catalog's dataset for chip stores."""

from sen2naip_sr.chips.store import Store, UnmadeStore, read_store, require_store
from sen2naip_sr.datasets.file_dataset import FileDataset


class StoreDataset(FileDataset[UnmadeStore, Store]):
    """Makes a chip store when it is saved, and memory-maps it when it is loaded.

    Saving does nothing if the store exists and was made from the same inputs.

    Example:
        .. code-block:: yaml

            hr:
              type: sen2naip_sr.datasets.StoreDataset
              filepath: data/02_intermediate/hr
    """

    def load(self) -> Store:
        """Open the store; no pixel is read."""
        return require_store(self._filepath)

    def save(self, data: UnmadeStore) -> None:
        """Make the store, chip by chip, unless it is up to date."""
        data.make(self._filepath)

    def _exists(self) -> bool:
        return read_store(self._filepath) is not None
