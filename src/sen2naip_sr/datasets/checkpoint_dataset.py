"""The place of a training's checkpoint in the catalog."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class CheckpointDataset(AbstractDataset[NoReturn, Path]):
    """Loads to the path where a training keeps its checkpoint; the fit loop reads and writes it.

    Example:
        .. code-block:: yaml

            "{model}.checkpoint":
              type: sen2naip_sr.datasets.CheckpointDataset
              filepath: data/06_models/{model}/checkpoint.pt
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Point to a file.

        Args:
            filepath: Where the checkpoint goes.
            metadata: Anything, for plugins.
        """
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Return the path, whether the file is there or not."""
        return self._path

    def save(self, data: NoReturn) -> None:
        """Refuse: only the fit loop writes checkpoints."""
        raise DatasetError("a checkpoint is written by the fit loop, not by a node's output")

    def _exists(self) -> bool:
        # what loads is the path: without a file there the training simply starts anew
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
