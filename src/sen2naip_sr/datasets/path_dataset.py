"""A place in the catalog that the core itself reads and writes."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class PathDataset(AbstractDataset[NoReturn, Path]):
    """Loads to a path: where a training keeps its checkpoint, or an experiment its trainings.

    Example:
        .. code-block:: yaml

            "{model}.checkpoint":
              type: sen2naip_sr.datasets.PathDataset
              filepath: data/06_models/{model}/checkpoint.pt
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Point to a file or folder.

        Args:
            filepath: Where it goes.
            metadata: Anything, for plugins.
        """
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Return the path, whether anything is there or not."""
        return self._path

    def save(self, data: NoReturn) -> None:
        """Refuse: the node that gets the path writes there while it runs."""
        raise DatasetError(f"{self._path}: is written while its node runs, not as its output")

    def _exists(self) -> bool:
        # what loads is the path: without anything there the node simply starts anew
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
