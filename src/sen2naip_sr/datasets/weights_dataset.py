"""A network's weights in the catalog."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from sen2naip_sr.errors import UserError

if TYPE_CHECKING:
    from sen2naip_sr.training.weights import Weights

logger = logging.getLogger(__name__)


class WeightsDataset(AbstractDataset["Weights", "Weights | None"]):
    """A safetensors file that says what it is.

    Loads to None where nothing has been trained yet, and, with a warning, where the file is
    damaged: the other networks can be used all the same.

    Example:
        .. code-block:: yaml

            "{model}.weights":
              type: sen2naip_sr.datasets.WeightsDataset
              filepath: data/06_models/{model}/weights.safetensors
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Point to a file.

        Args:
            filepath: The safetensors file.
            metadata: Anything, for plugins.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> "Weights | None":
        """Read the weights, if there are any."""
        if not self._filepath.exists():
            return None
        # torch takes seconds to import: commands that load no weights do without it
        from sen2naip_sr.training.weights import load_weights

        try:
            return load_weights(self._filepath)
        except UserError as error:
            logger.warning("Left out: %s", error)
            return None

    def save(self, data: "Weights") -> None:
        """Write the weights in one piece or not at all."""
        from sen2naip_sr.training.weights import save_weights

        save_weights(self._filepath, data.state, data.metadata)

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
