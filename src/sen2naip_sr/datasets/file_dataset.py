"""What the catalog's datasets of one file or folder share."""

from pathlib import Path
from typing import Any, TypeVar

from kedro.io import AbstractDataset

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")


class FileDataset(AbstractDataset[Saved, Loaded]):
    """A dataset of one file or folder.

    Args:
        filepath: The file or folder.
        metadata: Anything, for plugins.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)  # kedro-mlflow reads this name
        self.metadata = metadata

    def statistics(self) -> dict[str, int]:
        """Return what Kedro-Viz shows: ``file_size`` in bytes, of which it knows files only."""
        size = bytes_below(self._filepath)
        return {"file_size": size} if size else {}

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


def bytes_below(path: Path) -> int:
    """Return the size of a file, or of all files of a folder; 0 if there is nothing."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())
