"""The catalog's dataset for a network's weights."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sen2naip_sr.datasets.file_dataset import FileDataset
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

    def _describe(self) -> dict[str, Any]:
        return {**super()._describe(), "shipped": self._shipped}
