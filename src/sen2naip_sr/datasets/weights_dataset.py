"""A network's weights in the catalog."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from sen2naip_sr.errors import UserError

if TYPE_CHECKING:
    from sen2naip_sr.weights.files import Weights

logger = logging.getLogger(__name__)


class WeightsDataset(AbstractDataset["Weights", "Weights | None"]):
    """A safetensors file that says what it is.

    Where nothing has been trained yet, it loads the weights that the project ships for the
    network, or None where there are none; likewise, with a warning, where the file is damaged.

    Example:
        .. code-block:: yaml

            "{model}.weights":
              type: sen2naip_sr.datasets.WeightsDataset
              filepath: data/06_models/{model}/weights.safetensors
              shipped: "{model}"
    """

    def __init__(
        self,
        *,
        filepath: str,
        shipped: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Point to a file.

        Args:
            filepath: The safetensors file.
            shipped: The network whose shipped weights take its place where there is none; None:
                nothing does.
            metadata: Anything, for plugins.
        """
        self._filepath = Path(filepath)
        self._shipped = shipped
        self.metadata = metadata

    def load(self) -> "Weights | None":
        """Read the weights, if there are any."""
        # torch takes seconds to import: commands that load no weights do without it
        from sen2naip_sr.weights.files import load_weights
        from sen2naip_sr.weights.shipped import load_shipped

        if self._filepath.exists():
            try:
                return load_weights(self._filepath)
            except UserError as error:
                logger.warning("Left out: %s", error)
        return load_shipped(self._shipped) if self._shipped else None

    def save(self, data: "Weights") -> None:
        """Write the weights in one piece or not at all."""
        from sen2naip_sr.weights.files import save_weights

        save_weights(self._filepath, data.state, data.metadata)

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "shipped": self._shipped}
