"""The catalog's dataset for chip stores."""

from sen2naip_sr.chips.store import Store, UnmadeStore, read_store, require_store
from sen2naip_sr.datasets.file_dataset import FileDataset
from sen2naip_sr.datasets.previews import NO_IMAGE, ImagePreview, image_of_figure


class StoreDataset(FileDataset[UnmadeStore, Store]):
    """Makes a chip store when it is saved, and memory-maps it when it is loaded.

    Saving does nothing if the store exists and was made from the same inputs. Kedro-Viz shows a few
    chips.

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

    def preview(self) -> ImagePreview:
        """Return a few chips and what the store holds, as a picture; nothing if it is not made."""
        # importing matplotlib takes time, which commands that show nothing save
        from sen2naip_sr.evaluation.figures.chips import draw_chips

        store = read_store(self._filepath)
        return image_of_figure(draw_chips(store)) if store else NO_IMAGE

    def statistics(self) -> dict[str, int]:
        """Return the number of chips as ``rows``, that of bands as ``columns``, and the bytes."""
        store = read_store(self._filepath)
        if store is None:
            return {}
        chips, bands = store.manifest.shape[:2]
        return {"rows": chips, "columns": bands, **super().statistics()}

    def _exists(self) -> bool:
        return read_store(self._filepath) is not None
