"""The catalog's dataset for files and folders that a node itself reads and writes."""

from pathlib import Path
from typing import NoReturn

from kedro.io import DatasetError

from sen2naip_sr.datasets.file_dataset import FileDataset


class PathDataset(FileDataset[NoReturn, Path]):
    """Loads a path, such as that of a checkpoint or of an experiment's folder.

    Example:
        .. code-block:: yaml

            "{model}.checkpoint":
              type: sen2naip_sr.datasets.PathDataset
              filepath: data/06_models/{model}/checkpoint.pt
    """

    def load(self) -> Path:
        """Return the path, whether it exists or not."""
        return self._filepath

    def save(self, data: NoReturn) -> None:
        """Refuse: the node that loads the path writes there while it runs."""
        raise DatasetError(f"{self._filepath}: is written while its node runs, not as its output")

    def _exists(self) -> bool:
        # a node can always load the path; if nothing exists there, it starts from the beginning
        return True
