"""The catalog's dataset for files and folders that a node itself reads and writes."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class PathDataset(AbstractDataset[NoReturn, Path]):
    """Loads a path, such as that of a checkpoint or of an experiment's folder.

    Example:
        .. code-block:: yaml

            "{model}.checkpoint":
              type: sen2naip_sr.datasets.PathDataset
              filepath: data/06_models/{model}/checkpoint.pt
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Point to a file or folder.

        Args:
            filepath: The file or folder.
            metadata: Anything, for plugins.
        """
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Return the path, whether it exists or not."""
        return self._path

    def save(self, data: NoReturn) -> None:
        """Refuse: the node that loads the path writes there while it runs."""
        raise DatasetError(f"{self._path}: is written while its node runs, not as its output")

    def _exists(self) -> bool:
        # a node can always load the path; if nothing exists there, it starts from the beginning
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
