"""The catalog's dataset for a network's weights."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sen2naip_sr.datasets.file_dataset import FileDataset, bytes_below
from sen2naip_sr.datasets.previews import TablePreview, table_of
from sen2naip_sr.errors import UserError

if TYPE_CHECKING:
    from sen2naip_sr.weights.files import Weights

logger = logging.getLogger(__name__)


class WeightsDataset(FileDataset["Weights", "Weights | None"]):
    """A safetensors file with metadata.

    If the file does not exist, the dataset loads the shipped weights of the network, or None if
    none are shipped. It does the same for a damaged file, with a warning. Weights that this dataset
    has saved are loaded as new ones.

    Example:
        .. code-block:: yaml

            "{model}.weights":
              type: sen2naip_sr.datasets.WeightsDataset
              filepath: data/06_models/{model}/weights.safetensors
              shipped: "{model}"

    Args:
        filepath: The safetensors file.
        shipped: The network whose shipped weights are loaded if there is no file; None: none.
        metadata: Anything, for plugins.
    """

    def __init__(
        self, *, filepath: str, shipped: str | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._shipped = shipped
        self._saved = False

    def load(self) -> "Weights | None":
        """Read the weights, if there are any."""
        # importing torch takes seconds, which commands that load no weights save
        from sen2naip_sr.weights.files import load_weights
        from sen2naip_sr.weights.shipped import load_shipped

        if self._filepath.exists():
            try:
                return replace(load_weights(self._filepath), new=self._saved)
            except UserError as error:
                logger.warning("Not used: %s", error)
        return load_shipped(self._shipped) if self._shipped else None

    def save(self, data: "Weights") -> None:
        """Write the weights atomically."""
        from sen2naip_sr.weights.files import save_weights

        save_weights(self._filepath, data.state, data.metadata)
        self._saved = True

    def preview(self) -> TablePreview:
        """Return the network, its data and its training, as a table."""
        weights = self.load()
        return table_of(_facts(weights) if weights else {"weights": "none yet"})

    def statistics(self) -> dict[str, int]:
        """Return the size of the file that is loaded, the project's own or the shipped one."""
        from sen2naip_sr.weights.names import FOLDER, SUFFIX

        own = super().statistics()
        if own or not self._shipped:
            return own
        size = bytes_below(FOLDER / f"{self._shipped}{SUFFIX}")
        return {"file_size": size} if size else {}

    def _describe(self) -> dict[str, Any]:
        return {**super()._describe(), "shipped": self._shipped}


def _facts(weights: "Weights") -> dict[str, str]:
    """Return what users ask about weights, as text."""
    known = weights.metadata
    places = sorted(known.train_places)
    low, high = known.value_range
    return {
        "network": known.architecture + (", shipped with the project" if weights.shipped else ""),
        **{name: str(value) for name, value in known.architecture_parameters.items()},
        "parameters": f"{sum(tensor.numel() for tensor in weights.state.values()):,}",
        "validation PSNR": f"{known.validation_psnr:.2f} dB at step {known.step:,}",
        "bands": str(known.bands),
        "values": f"{known.dtype}, {low:g} to {high:g}",
        "downsampled by": known.recipe,
        "training places": f"{len(places)}: {', '.join(places)}",
        "imagery": "synthetic" if known.synthetic else "observed",
        "started from": known.started_from or "random weights",
        "hash of the chips": known.data_hash,
        "hash of the split": known.split_hash,
        "version": known.version + (f", commit {known.commit}" if known.commit else ""),
    }
