"""The catalog's dataset for texts."""

from sen2naip_sr.datasets.file_dataset import FileDataset
from sen2naip_sr.datasets.previews import NO_PAGE, HTMLPreview, page_of
from sen2naip_sr.files import write_atomically


class TextDataset(FileDataset[str, str]):
    """A text file, such as an experiment's findings, that Kedro-Viz shows.

    Example:
        .. code-block:: yaml

            "{experiment}.findings":
              type: sen2naip_sr.datasets.TextDataset
              filepath: data/08_reporting/{experiment}.txt
    """

    def load(self) -> str:
        """Read the text."""
        return self._filepath.read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        """Write the text atomically."""
        write_atomically(self._filepath, data.encode())

    def preview(self) -> HTMLPreview:
        """Return the text as a page; nothing if there is none yet."""
        return page_of(self.load()) if self._filepath.is_file() else NO_PAGE
